// SPDX-License-Identifier: GPL-2.0-only
//! The tables of a kernel: all that is in its image or is asked of it in a few boots.

use std::path::Path;

use anyhow::Result;
use bpf::kernel::Kernel;

use super::frame::Frame;
use super::helpers::{self, Said};
use super::image::Image;
use super::{Own, filters, lists, protos, rights, sleepable, struct_ops};
use crate::linux::image::point;
use crate::linux::target::Target;
use crate::workshop::files::read;

/// Tables by file name, and what there are no words for.
pub(super) struct Tables {
    /// Text by the name of the file.
    pub(super) files: Vec<(&'static str, String)>,
    /// What is not in them and should be.
    pub(super) unsaid: Vec<String>,
}

/// Asks `target`; `frame` is the directory of the release that others are told of, `own` what the kernel
/// itself has of kfuncs.
pub(super) fn ask(
    target: &Target<'_>,
    image: &Image,
    model: &Kernel,
    frame: &Path,
    own: &Own,
) -> Result<Tables> {
    let btf = &model.vmlinux;
    let of_frame = |name: &str| read(&frame.join(name));
    let release = format!(
        "Linux {} ({})",
        point(&target.kernel),
        target.kernel.release
    );
    let head = |what: &str| {
        format!(
            "# SPDX-License-Identifier: GPL-2.0-only\n# {what} of {release}: `cargo xtask kernel data`.\n"
        )
    };
    let ops_of_frame = of_frame("struct_ops.txt")?;
    let awake = sleepable::refused(target, &lists::map_types(image)?)?;
    // What is in the image first: it costs nothing.
    let mut files = vec![
        (
            "btf_sets.txt",
            head("Lists of functions and structures")
                + &lists::btf_sets(image, btf, &of_frame("btf_sets.txt")?)?,
        ),
        (
            "raw_tp_null_args.txt",
            head("Arguments of raw tracepoints that may be NULL or an error")
                + &lists::raw_tp_null_args(image)?,
        ),
        (
            "iter_args.txt",
            head("Arguments of BPF iterators") + &lists::iter_args(image, btf)?,
        ),
        (
            "maps.txt",
            head("Types of maps") + &lists::maps(image, btf, &of_frame("maps.txt")?, &awake)?,
        ),
    ];
    let text = of_frame("helpers.txt")?;
    let told = helpers(target, image, model, &text, &ops_of_frame)?;
    let ops = struct_ops::types(target, btf, &ops_of_frame, &told.of_struct_ops)?;
    let ops = filters::kept(&ops, &own.kfuncs);
    let ops = filters::told(&ops, &own.guarded, &own.sets);
    files.push(("helpers.txt", head("Helpers") + &told.helpers));
    files.push(("struct_ops.txt", head("struct_ops types") + &ops));
    Ok(Tables {
        files,
        unsaid: told.unsaid,
    })
}

fn helpers(
    target: &Target<'_>,
    image: &Image,
    model: &Kernel,
    frame: &str,
    struct_ops: &str,
) -> Result<helpers::Tables> {
    let helpers = rights::helpers(&model.vmlinux)?;
    let protos = protos::read(image, &model.vmlinux)?;
    let rights = rights::ask(target, model, &helpers)?;
    let said = Said {
        helpers: &helpers,
        protos: &protos,
        rights: &rights,
    };
    Ok(helpers::write(
        &said,
        &Frame::parse(frame)?,
        &struct_ops::sets(struct_ops),
    ))
}
