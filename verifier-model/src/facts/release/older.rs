// SPDX-License-Identifier: GPL-2.0-only
//! The releases before 7.3 that are modelled, as Debian ships them.
//!
//! The rules of each are those that its kernel was seen to follow when it was asked about the programs
//! in `tests/rules`, one a rule: `tests/rules/asked.txt` has the answers. Fixes are backported, and what
//! they mend may be newer than a release.

use crate::facts::release::linux_7_3::LINUX_7_3;
use crate::facts::release::{Limits, Release};
use crate::facts::rule::{Profile, Rule};
use crate::facts::texts;

/// Until 7.1 arguments are passed in registers alone.
const IN_REGISTERS: Limits = Limits {
    func_args: 5,
    call_frames: 8,
    stack_round: 16,
    stack_of_none: false,
    linked_regs: Some(6),
};

pub(crate) static LINUX_7_2: Release = Release::new(
    "7.2",
    "7.2.12",
    Profile::of("7.2"),
    Limits {
        func_args: 12,
        call_frames: 16,
        stack_round: 16,
        stack_of_none: false,
        linked_regs: Some(5),
    },
    texts::LINUX_7_2,
    Some(&LINUX_7_3),
);

pub(crate) static LINUX_7_1: Release = Release::new(
    "7.1",
    "7.1.13",
    Profile::of("7.1").with(Rule::INNER_MAP_NULLNESS),
    IN_REGISTERS,
    texts::LINUX_7_1,
    Some(&LINUX_7_2),
);

pub(crate) static LINUX_6_18: Release = Release::new(
    "6.18",
    "6.18.15",
    Profile::of("6.18")
        .with(Rule::FLOW_KEYS_OFFSETS)
        .with(Rule::KNOWN_ZEROS_PRECISE),
    IN_REGISTERS,
    texts::LINUX_6_18,
    Some(&LINUX_7_1),
);

pub(crate) static LINUX_6_12: Release = Release::new(
    "6.12",
    "6.12.117",
    Profile::of("6.12")
        .with(Rule::TAIL_CALL_CHECKS_SECTIONS)
        .with(Rule::LOW_HALVES_SIGNED)
        .with(Rule::TAIL_CALLS_CHANGE_PACKETS)
        .with(Rule::GLOBALS_CHANGE_PACKETS)
        .with(Rule::ITER_ARG_ON_STACK)
        .with(Rule::THROW_CHECKS_RESOURCES)
        .with(Rule::ATOMIC_FETCH_BACKTRACK)
        .with(Rule::SIGNS_FORKED)
        .with(Rule::NULL_CHECKED_BUFFERS)
        .with(Rule::PACKET_LOADS_LEAVE)
        .with(Rule::WHOLE_POINTER)
        .with(Rule::DELTAS_CLEARED)
        .with(Rule::SELF_ADDITIONS)
        .with(Rule::HOOK_RANGE_AFRESH)
        .with(Rule::VAR_OFF_WRITES_SCRUB)
        .with(Rule::ARENA_ON_THE_RIGHT)
        .with(Rule::PERCPU_KPTRS)
        .with(Rule::OBJECTS_END)
        .with(Rule::ATOMICS_OF_ONE_KIND)
        .with(Rule::FLOW_KEYS_OFFSETS)
        .with(Rule::KNOWN_ZEROS_PRECISE)
        .with(Rule::HALVES_OF_POINTERS)
        .with(Rule::EQUAL_TO_NOT_NULL)
        .with(Rule::PACKET_LOADS_IN_CALLBACKS)
        .with(Rule::UNTRUSTED_OBJECTS)
        .with(Rule::UNLINKED_SCALARS)
        .with(Rule::PACKET_END_MARKS),
    IN_REGISTERS,
    texts::LINUX_6_12,
    Some(&LINUX_6_18),
);

pub(crate) static LINUX_6_1: Release = Release::new(
    "6.1",
    "6.1.176",
    Profile::of("6.1")
        .with(Rule::LOW_HALVES_SIGNED)
        .with(Rule::DELTAS_CLEARED)
        .with(Rule::SELF_ADDITIONS)
        .with(Rule::HOOK_RANGE_AFRESH)
        .with(Rule::NULL_CHECKED_BUFFERS)
        .with(Rule::DYNPTRS_FILLED_OVER)
        .with(Rule::FLOW_KEYS_OFFSETS)
        .with(Rule::EQUAL_TO_NOT_NULL)
        .with(Rule::COND_JMP_PRECISION)
        .with(Rule::PROPAGATE_ALL_FRAMES)
        .with(Rule::EXTENSION_TYPES)
        // It spills no zero.
        .with(Rule::SPILLED_ZEROS_READ),
    Limits {
        stack_round: 32,
        stack_of_none: true,
        linked_regs: None,
        ..IN_REGISTERS
    },
    texts::LINUX_6_1,
    Some(&LINUX_6_12),
);
