// SPDX-License-Identifier: GPL-2.0-only
//! Runs as blocks, and which blocks of many are shown.

use crate::explain::trace::{End, RunId, Trace};

/// Runs that follow each other without a branch and without a kept state between them.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// The runs, in order.
    pub runs: Vec<RunId>,
    /// The block before.
    pub parent: Option<usize>,
    /// Blocks after it, in the order of exploration.
    pub children: Vec<usize>,
    /// It is on the path on which the program is rejected.
    pub failed: bool,
}

/// All blocks; parents come before their children.
pub(super) fn blocks(trace: &Trace) -> Vec<Block> {
    let mut children = vec![0u32; trace.runs.len()];
    for run in &trace.runs {
        if let Some(parent) = run.parent {
            children[parent as usize] += 1;
        }
    }
    let mut blocks: Vec<Block> = Vec::new();
    let mut block_of = vec![0; trace.runs.len()];
    for (id, run) in trace.runs.iter().enumerate() {
        let parent = run.parent.map(|p| block_of[p as usize]);
        let only_child = run.parent.is_some_and(|p| children[p as usize] == 1);
        let ends_here = matches!(run.end, End::Pruned(..));
        if let Some(b) = parent
            && only_child
            && run.state.is_none()
            && !ends_here
        {
            blocks[b].runs.push(id as RunId);
            block_of[id] = b;
            continue;
        }
        let b = blocks.len();
        if let Some(parent) = parent {
            blocks[parent].children.push(b);
        }
        blocks.push(Block {
            runs: vec![id as RunId],
            parent,
            children: Vec::new(),
            failed: false,
        });
        block_of[id] = b;
    }
    let last = blocks.iter().position(|b| {
        let end = b.runs.last().map(|&r| trace.run(r).end);
        end == Some(End::Rejected)
    });
    let mut at = last;
    while let Some(b) = at {
        blocks[b].failed = true;
        at = blocks[b].parent;
    }
    blocks
}

/// Which blocks to show: the failed path, or its ends when it is long, and then what is nearest to
/// the start.
pub(super) fn choose(blocks: &[Block], limit: usize) -> Vec<bool> {
    let mut shown = vec![blocks.len() <= limit; blocks.len()];
    if blocks.len() <= limit {
        return shown;
    }
    let failed: Vec<_> = (0..blocks.len()).filter(|&b| blocks[b].failed).collect();
    let half = limit / 2;
    let mut room = limit;
    for (i, &b) in failed.iter().enumerate() {
        let near_an_end = i < half / 2 || i + half / 2 >= failed.len();
        if failed.len() <= half || near_an_end {
            shown[b] = true;
            room = room.saturating_sub(1);
        }
    }
    // Blocks by distance from the start.
    let mut depth = vec![0u32; blocks.len()];
    for b in 0..blocks.len() {
        if let Some(p) = blocks[b].parent {
            depth[b] = depth[p] + 1;
        }
    }
    let mut rest: Vec<_> = (0..blocks.len()).filter(|&b| !shown[b]).collect();
    rest.sort_by_key(|&b| depth[b]);
    let failed_cut = failed.len() > half;
    let gap = failed.get(half / 2).map_or(u32::MAX, |&b| depth[b]);
    for b in rest {
        if room == 0 {
            break;
        }
        let beyond_gap = failed_cut && depth[b] >= gap;
        let parent_shown = blocks[b].parent.is_none_or(|p| shown[p]);
        if parent_shown && !beyond_gap {
            shown[b] = true;
            room -= 1;
        }
    }
    shown
}
