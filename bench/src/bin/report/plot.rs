// SPDX-License-Identifier: GPL-2.0-only
//! The plots, each as SVG and as PNG.

use std::path::Path;

use anyhow::{Result, anyhow};
use bench::guest::{Boot, Shape};
use bench::host;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};

use crate::Measured;
use crate::page::METHODS;

const SIZE: (u32, u32) = (800, 480);

/// What a plot shows.
struct Plot {
    /// The file's stem.
    file: &'static str,
    title: String,
    x: &'static str,
    y: &'static str,
    /// Where no line is.
    legend: SeriesLabelPosition,
    series: Vec<Series>,
}

/// A line with its name.
struct Series {
    name: String,
    points: Vec<(f64, f64)>,
}

/// Draws every plot into `dir`.
pub(crate) fn all(measured: &Measured, dir: &Path) -> Result<()> {
    let font = epaint_default_fonts::UBUNTU_LIGHT;
    register_font("sans-serif", FontStyle::Normal, font)
        .map_err(|_| anyhow!("the font does not load"))?;

    let boots = &measured.counts.boots;
    let in_guest = |file, what, x, legend, points: &dyn Fn(&str) -> Vec<(f64, f64)>| Plot {
        file,
        title: format!("{what}: instructions of a whole walk"),
        x,
        y: "instructions",
        legend,
        series: METHODS
            .map(|(name, label)| Series {
                name: label.to_owned(),
                points: points(name),
            })
            .into(),
    };
    let mut plots = vec![
        in_guest(
            "dense",
            "Every CPU set",
            "possible CPUs",
            SeriesLabelPosition::LowerRight,
            &|method| by_size(boots, method, Shape::All),
        ),
        in_guest(
            "last",
            "Only the last CPU set",
            "possible CPUs",
            SeriesLabelPosition::UpperLeft,
            &|method| by_size(boots, method, Shape::Last),
        ),
    ];
    if let Some(boot) = boots.iter().find(|boot| boot.nr_cpu_ids == 128) {
        plots.push(in_guest(
            "sparse",
            "128 possible CPUs",
            "CPUs set",
            SeriesLabelPosition::LowerRight,
            &|method| by_visited(boot, method),
        ));
    }
    if let Some(results) = &measured.host {
        let bits = 8192;
        plots.push(Plot {
            file: "host",
            title: format!("Host, {bits} bits: nanoseconds of a whole walk"),
            x: "bits set",
            y: "nanoseconds",
            legend: SeriesLabelPosition::LowerRight,
            series: by_density(results, bits),
        });
    }
    for plot in plots {
        let svg = dir.join(plot.file).with_extension("svg");
        draw(&plot, SVGBackend::new(&svg, SIZE).into_drawing_area())?;
        let png = dir.join(plot.file).with_extension("png");
        draw(&plot, BitMapBackend::new(&png, SIZE).into_drawing_area())?;
    }
    Ok(())
}

fn by_size(boots: &[Boot], method: &str, shape: Shape) -> Vec<(f64, f64)> {
    let points = boots.iter().filter_map(|boot| {
        let ticks = boot.method(method)?.ticks(shape)?;
        Some((f64::from(boot.nr_cpu_ids), ticks as f64))
    });
    points.collect()
}

fn by_visited(boot: &Boot, method: &str) -> Vec<(f64, f64)> {
    let walks = boot.method(method).map(|method| &method.walks);
    let walks = walks.into_iter().flatten();
    let mut points: Vec<(f64, f64)> = walks
        .filter(|walk| walk.shape != Shape::Last)
        .map(|walk| (walk.visited as f64, walk.ticks as f64))
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

fn by_density(results: &host::Results, bits: usize) -> Vec<Series> {
    let mut series: Vec<Series> = Vec::new();
    for cell in results.cells.iter().filter(|cell| cell.bits == bits) {
        let point = (bits as f64 / cell.one_in as f64, cell.nanoseconds);
        match series.iter_mut().find(|series| series.name == cell.method) {
            Some(series) => series.points.push(point),
            None => series.push(Series {
                name: cell.method.clone(),
                points: vec![point],
            }),
        }
    }
    series
}

/// Both axes are logarithmic: a line's height tells ratios.
fn draw<B: DrawingBackend>(plot: &Plot, area: DrawingArea<B, Shift>) -> Result<()>
where
    B::ErrorType: 'static,
{
    let points = || plot.series.iter().flat_map(|series| &series.points);
    let range = |value: fn(&(f64, f64)) -> f64| {
        let values = || points().map(value);
        let (low, high) = (values().reduce(f64::min), values().reduce(f64::max));
        let range = low.zip(high).map(|(low, high)| low / 1.2..high * 1.2);
        range.ok_or_else(|| anyhow!("nothing to plot for {}", plot.file))
    };
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(&plot.title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(range(|p| p.0)?.log_scale(), range(|p| p.1)?.log_scale())?;
    let number = |value: &f64| value.to_string();
    chart
        .configure_mesh()
        .x_desc(plot.x)
        .y_desc(plot.y)
        .x_label_formatter(&number)
        .y_label_formatter(&number)
        .label_style(("sans-serif", 14))
        .draw()?;
    for (i, series) in plot.series.iter().enumerate() {
        let color = Palette99::pick(i).stroke_width(2);
        let line = LineSeries::new(series.points.iter().copied(), color).point_size(3);
        chart
            .draw_series(line)?
            .label(&series.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color));
    }
    chart
        .configure_series_labels()
        .position(plot.legend.clone())
        .background_style(WHITE.mix(0.8))
        .label_font(("sans-serif", 14))
        .draw()?;
    area.present()?;
    Ok(())
}
