// SPDX-License-Identifier: GPL-2.0-only
//! Where the boxes of a tree go: children below their parent, side by side, as near to each other as
//! they fit.
//!
//! ```text
//!        ┌───┐
//!        │ a │           Each subtree is laid out by itself and then moved to the right until none
//!        └─┬─┘           of its boxes touches one of the subtrees before it. What matters is only
//!      ┌───┴────┐        boxes at the same height, so that a narrow subtree may stand under a wide
//!   ┌──┴──┐   ┌─┴─┐      neighbour.
//!   │  b  │   │ c │
//!   └─────┘   └───┘
//! ```

/// A box, in pixels; `x` and `y` are its left upper corner.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Rect {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    pub w: f64,
    pub h: f64,
}

impl Rect {
    /// Middle, from left to right.
    pub(super) fn middle(&self) -> f64 {
        self.x + self.w / 2.0
    }

    /// Lower edge.
    pub(super) fn bottom(&self) -> f64 {
        self.y + self.h
    }
}

/// Room between boxes side by side.
pub(super) const GAP_X: f64 = 22.0;

/// Room between a box and those below it; an edge's label fits in.
pub(super) const GAP_Y: f64 = 46.0;

/// Lays out a forest. `sizes` are width and height of each node; parents come before their children.
pub(super) fn layout(sizes: &[(f64, f64)], parents: &[Option<usize>]) -> Vec<Rect> {
    let n = sizes.len();
    let mut rects: Vec<Rect> = sizes
        .iter()
        .map(|&(w, h)| Rect {
            x: 0.0,
            y: 0.0,
            w,
            h,
        })
        .collect();
    let mut children = vec![Vec::new(); n];
    let mut roots = Vec::new();
    for i in 0..n {
        match parents[i] {
            Some(p) => {
                rects[i].y = rects[p].bottom() + GAP_Y;
                children[p].push(i);
            }
            None => roots.push(i),
        }
    }
    // Subtrees by their boxes; the last node's is done first.
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); n];
    for i in (0..n).rev() {
        let mut all = pack(&mut rects, &children[i], &mut members);
        if let (Some(first), Some(last)) = (children[i].first(), children[i].last()) {
            let middle = (rects[*first].middle() + rects[*last].middle()) / 2.0;
            rects[i].x = middle - rects[i].w / 2.0;
        }
        all.push(i);
        members[i] = all;
    }
    let all = pack(&mut rects, &roots, &mut members);
    let left = all
        .iter()
        .map(|&i| rects[i].x)
        .fold(f64::INFINITY, f64::min);
    for rect in &mut rects {
        rect.x -= left;
    }
    rects
}

/// Puts subtrees side by side; returns all their nodes.
fn pack(rects: &mut [Rect], trees: &[usize], members: &mut [Vec<usize>]) -> Vec<usize> {
    let mut placed: Vec<usize> = Vec::new();
    for &tree in trees {
        let nodes = std::mem::take(&mut members[tree]);
        let mut shift = f64::NEG_INFINITY;
        for &a in &placed {
            for &b in &nodes {
                let (ra, rb) = (rects[a], rects[b]);
                let beside = ra.y < rb.bottom() + GAP_Y / 2.0 && rb.y < ra.bottom() + GAP_Y / 2.0;
                if beside {
                    shift = shift.max(ra.x + ra.w + GAP_X - rb.x);
                }
            }
        }
        if shift.is_finite() {
            for &b in &nodes {
                rects[b].x += shift;
            }
        }
        placed.extend(nodes);
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn overlap(a: &Rect, b: &Rect) -> bool {
        a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.bottom() && b.y < a.bottom()
    }

    proptest! {
        #[test]
        fn boxes_do_not_overlap(
            nodes in prop::collection::vec((1.0..200.0f64, 1.0..80.0f64, any::<prop::sample::Index>()), 1..40),
        ) {
            let sizes: Vec<_> = nodes.iter().map(|n| (n.0, n.1)).collect();
            let parents: Vec<_> = nodes
                .iter()
                .enumerate()
                .map(|(i, n)| (i > 0).then(|| n.2.index(i)))
                .collect();
            let rects = layout(&sizes, &parents);
            for (i, a) in rects.iter().enumerate() {
                prop_assert!(a.x > -0.001 && a.y >= 0.0);
                for b in &rects[i + 1..] {
                    prop_assert!(!overlap(a, b), "{a:?} {b:?}");
                }
                if let Some(p) = parents[i] {
                    prop_assert!(a.y >= rects[p].bottom() + GAP_Y - 0.001);
                }
            }
        }
    }
}
