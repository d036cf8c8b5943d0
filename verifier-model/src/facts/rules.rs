// SPDX-License-Identifier: GPL-2.0-only
//! Every rule, by age: its number, what it is called, the release and the commit that brought it.
//!
//! A number behind a plus is that of a later rule that would do its work if it stayed.

use crate::facts::rule::{Before, Bits, Rule};

macro_rules! rules {
    ($($bit:literal $(+ $also:literal)? $konst:ident $name:literal $version:literal $commit:literal
       $before:ident $summary:literal;)*) => {
        impl Rule {
            $(#[doc = $summary]
            pub const $konst: Self = Self {
                name: $name, version: $version, commit: $commit, summary: $summary,
                before: Before::$before, bits: Bits::NONE.with($bit)$(.with($also))?, number: $bit,
            };)*

            /// Every rule that can be switched, by age.
            pub const ALL: &[Self] = &[$(Self::$konst,)*];
        }
    };
}

rules! {
    14 + 2 CALLBACK_REFS "callback-refs" "6.1" "9d9d00ac29d0" FalseAccept
        "A callback gives back all that it acquired, and nothing of its caller's.";
    124 TRUSTED_POINTERS "trusted-pointers" "6.2" "" FalseAccept
        "A pointer that is read from a structure is trusted less than the one to the structure.";
    10 ID_MAP_REFS "refsafe-id-map" "6.3" "e8f55fcf7779" FalseReject
        "References that differ in their ids alone are the same.";
    15 DYNPTR_PRUNING "dynptr-pruning" "6.3" "d6fefa1105da" FalseAccept
        "Dynptrs on the stack are compared when states are, not only their bytes' kind.";
    16 COND_JMP_PRECISION "cond-jmp-precision" "6.3" "71b547f56124" FalseAccept
        "What a precise register was compared with is precise as well (CVE-2023-2163).";
    125 EQUAL_POINTERS "equal-pointers" "6.3" "" FalseReject
        "A pointer that is equal to one that is not NULL is not NULL.";
    137 EQUAL_IDS_MAPPED "equal-ids-mapped" "6.3" "" FalseAccept
        "Ids of registers are held against those of a kept state even where they are the same.";
    120 DYNPTRS_OVERWRITTEN "dynptrs-overwritten" "6.3" "" FalseAccept
        "A dynptr that is written over is none any more, in all its slots; one with a reference is not written over.";
    121 UNWRITTEN_STACK "unwritten-stack" "6.3" "" FalseReject
        "The stack may be read where the function never wrote.";
    42 FALL_BACK "loops-fall-through" "6.4" "" FalseReject
        "A loop may be closed by any instruction before its head, not by a jump alone.";
    141 CALLS_WALKED_BACK "calls-walked-back" "6.4" "fde2a3882bd0" FalseReject
        "What a precise number was computed from is looked for through calls, where everything became precise.";
    17 PROPAGATE_ALL_FRAMES "propagate-all-frames" "6.5" "f655badf2a8f" FalseAccept
        "Pruning passes precision on in every frame, not only in the innermost.";
    142 LINKS_PRECISE "links-precise" "6.5" "904e6ddf4133" FalseAccept
        "What is linked to a precise number is precise as well.";
    140 HALVES_LINKED "halves-linked" "6.5" "" FalseReject
        "A number of 32 bits is linked to its copy by a move of 32 bits.";
    138 SCALAR_IDS_MAPPED "scalar-ids-mapped" "6.5" "" FalseAccept
        "Which numbers are linked counts when states are compared.";
    112 CPU_V4 "cpu-v4" "6.6" "" FalseReject
        "Division with a sign, moves and loads that extend one, and swaps of bytes at will.";
    126 EXCEPTIONS "exceptions" "6.7" "" FalseReject
        "A function may be marked as the one that handles the program's exceptions.";
    127 SLEEPABLE_LOCKS "sleepable-locks" "6.7" "" FalseReject
        "Programs that sleep may take spin locks.";
    0 ITER_EXACT_CONVERGENCE "iter-exact-convergence" "6.7" "2793a8b015f7" FalseAccept
        "States at iter_next are compared range by range, not loosely.";
    1 ITER_WIDENING "iter-widening" "6.7" "2793a8b015f7" FalseReject
        "Imprecise scalars are forgotten from one iteration to the next.";
    18 LOOP_STATES_EXACT "loop-states-exact" "6.7" "2a0992829ea3" FalseAccept
        "A state in a loop that is still being explored is compared range by range.";
    2 CALLBACK_ANY_COUNT "callback-any-count" "6.7" "ab5cfac139ab" FalseAccept
        "A callback may be called any number of times, not once.";
    3 CALLBACK_MAX_DEPTH "callback-max-depth" "6.7" "bb124da69c47" FalseReject
        "bpf_loop with a small known bound stops there.";
    19 ITER_CTX_TRUSTED "iter-ctx-trusted" "6.7" "0de4f50de25a" FalseReject
        "The task and cgroup that a BPF iterator is passed are trusted.";
    4 CALLBACK_R0_PRECISE "callback-r0-precise" "6.8" "0acd03a5bd18" FalseAccept
        "What a callback returns is precise.";
    5 CALLBACK_DEPTH_PRUNING "callback-depth-pruning" "6.8" "e9a8e5a587ca" FalseAccept
        "A state with fewer iterations left does not prune one with more.";
    143 SPILLS_WALKED_BACK "spills-walked-back" "6.8" "41f6f64e6999" FalseReject
        "A spill or fill through any register is found on the way back, not through r10 alone.";
    144 SPILLS_KEEP_ZEROS "spills-keep-zeros" "6.8" "eaf18febd6eb" FalseReject
        "Zeros beside a spill of less than eight bytes stay zeros.";
    145 PROCESSORS_BOUNDED "processors-bounded" "6.8" "" FalseReject
        "bpf_get_smp_processor_id() returns less than there are processors.";
    133 GLOBALS_LAZY "globals-lazy" "6.8" "" FalseReject
        "Global functions are walked if they are called, after the program and not before.";
    134 ZERO_SIZES_TOLD "zero-sizes-told" "6.8" "" FalseReject
        "Memory that may be of no size is not looked at as if it was.";
    128 ARGUMENT_TAGS "argument-tags" "6.8" "" FalseReject
        "Tags tell what global functions take, and they may take dynptrs.";
    122 RETURNED_RANGES "returned-ranges" "6.8" "" FalseAccept
        "What a program returns is precise, and lies in a range, not among bits alone.";
    117 + 114 UNKNOWN_OPERANDS "unknown-operands" "6.8" "" FalseReject
        "Numbers that are not known narrow each other where they are compared, and where they are multiplied or their bits joined the result has a range.";
    118 SCALARS_SPILLED "scalars-spilled" "6.9" "" FalseReject
        "Any number is spilled as what it is, not only one that is bounded and not 0.";
    119 NARROW_FILLS "narrow-fills" "6.9" "" FalseReject
        "A part of a spilled number is read as what is known of it, and linked to it.";
    136 LOOPS_EXACT "loops-exact" "6.9" "" FalseReject
        "A loop is infinite where a state comes back as it was, and not one that is as safe.";
    139 STACK_SCALARS "stack-scalars" "6.9" "" FalseReject
        "A spilled number that nothing is known of is as good as eight bytes of data.";
    129 CALLS_UNDER_LOCKS "calls-under-locks" "6.9" "" FalseReject
        "Static functions may be called with a lock held, take locks and give them back.";
    113 MAY_GOTO "may-goto" "6.9" "" FalseReject
        "There is may_goto.";
    20 RCU_ACROSS_CALLS "rcu-across-calls" "6.9" "6fceea0fa59f" FalseReject
        "A function may return with an RCU section open.";
    21 MAY_GOTO_DEPTH "may-goto-depth" "6.10" "2b2efe1937ca" FalseAccept
        "A loop that passes may_goto without going on is infinite (CVE-2024-42072).";
    130 KERNEL_POINTERS_NOT_NULL "kernel-pointers-not-null" "6.12" "" FalseReject
        "Maps, trusted objects of the kernel and memory are not NULL, on whichever side they stand.";
    123 LSM_RETURNS "lsm-returns" "6.12" "" FalseAccept
        "A program on an LSM hook returns what the hook may return.";
    135 MAPS_FIRST "maps-first" "6.12" "" FalseReject
        "Maps are looked at before what the program attaches to.";
    131 GLOBALS_CHANGE_PACKETS "globals-change-packets" "6.13" "" FalseAccept
        "A call of a global function that may change the packet does.";
    13 TAIL_CALL_CHECKS_SECTIONS "tail-call-checks-sections" "6.13" "46f7ed32f7a8" FalseAccept
        "No tail call inside an RCU or preemption section.";
    148 HELD_TOLD_ALIKE "held-told-alike" "6.13" "" FalseReject
        "What is held where the program ends is told in the same words, whatever it is.";
    6 ITER_ARG_ON_STACK "iter-arg-on-stack" "6.13" "12659d28615d" FalseAccept
        "An iterator argument must point to the stack.";
    62 PREEMPT_GLOBAL_CALLS "preempt-global-calls" "6.13" "" FalseReject
        "Where preemption is off, global functions may be called that do not sleep.";
    101 + 94 TAIL_CALLS_CHANGE_PACKETS "tail-calls-change-packets" "6.13" "" FalseAccept
        "A tail call may change the packet, even if it does not come about.";
    96 PRIVATE_STACK "private-stack" "6.13" "" FalseReject
        "Functions of traced programs that may run twice at a time have their stack elsewhere.";
    22 MAP_LOOKUP_NULLNESS "map-lookup-nullness" "6.14" "d2102f2f5d75" FalseReject
        "A lookup in an array with a known key below its size cannot fail.";
    35 HELPER_READS_KEPT "helper-reads-kept" "6.14" "37cce22dbd51" FalseReject
        "What a helper only reads on the stack is still known afterwards.";
    27 LIVE_REGISTERS "live-registers" "6.15" "14c8552db644" FalseReject
        "What may be read later is known before the walk, and not found by it.";
    58 MAY_GOTO_ZERO "may-goto-zero" "6.15" "" FalseReject
        "A may_goto to the next instruction is taken out, and not refused.";
    59 ACQUIRE_RELEASE "acquire-release" "6.15" "" FalseReject
        "Memory can be loaded with acquire and stored with release.";
    43 + 44 CONST_VOID_ARGS "const-void-args" "6.16" "1271a40eeafa" FalseReject
        "An argument of a traced function that points to const void is a number, as one to void is.";
    7 SCC_BACKEDGES "scc-backedges" "6.17" "c9e31900b54c" FalseAccept
        "Precision goes over the back edges of a loop until nothing changes.";
    63 UNTRUSTED_ARGS "untrusted-args" "6.17" "" FalseReject
        "A global function may take pointers that nothing is known of.";
    99 RDONLY_CAST_VOID "rdonly-cast-void" "6.17" "" FalseReject
        "Memory can be read that nothing is known of, by a cast to void.";
    116 + 114 WRAPPED_SUMS "wrapped-sums" "6.17" "" FalseReject
        "Sums of which all leave the range of their type have a range, and products with a sign.";
    94 TAIL_CALLS_RETURN "tail-calls-return" "6.18" "" FalseAccept
        "A function that makes a tail call may return from it, with what the other program left.";
    97 ASYNC_NOT_SLEEPABLE "async-not-sleepable" "6.18" "" FalseAccept
        "A timer's callback may not sleep, even where its program may.";
    60 ARENA_SIGN_EXTENSION "arena-sign-extension" "6.18" "" FalseReject
        "Loads from an arena may extend the sign.";
    37 NEGATION "negation-tracked" "6.18" "aced132599b3" FalseReject
        "The range of a number is known when its sign is turned.";
    110 ONE_VALUE_LEFT "one-value-left" "6.19" "" FalseReject
        "A number is known when its bits and its range have one value in common.";
    48 NESTED_RCU "nested-rcu" "6.19" "" FalseReject
        "RCU sections may be opened inside one another.";
    49 NULL_CHECKED_BUFFERS "null-checked-buffers" "6.19" "" FalseAccept
        "A buffer that an iterator passes is tested for NULL before it is read.";
    9 MISC_VS_INVALID "prune-misc-vs-invalid" "6.19" "840692326e92" FalseReject
        "Unwritten stack counts as unknown data when loop states are compared.";
    8 CALLBACK_SCC "callback-scc" "6.19" "f597664454bd" FalseAccept
        "A callback-calling instruction is a loop of its own.";
    132 KFUNCS_TRUST "kfuncs-trust" "7.0" "" FalseAccept
        "Every kfunc takes trusted pointers alone, not only one that is marked so.";
    147 INDIRECT_JUMPS "indirect-jumps" "7.0" "" FalseReject
        "There are jumps to where a register says.";
    12 THROW_CHECKS_RESOURCES "throw-checks-resources" "7.0" "6c2128505f61" FalseAccept
        "bpf_throw in a subprogram looks at RCU, preemption and IRQ sections too.";
    11 ATOMIC_FETCH_BACKTRACK "atomic-fetch-backtrack" "7.0" "CVE-2026-43009" FalseAccept
        "The value that an atomic operation fetches from the stack is backtracked to its slot.";
    38 DIVISION "division-tracked" "7.0" "44fdd581d273" FalseReject
        "The range of a quotient or remainder is known.";
    39 BYTE_SWAP "byte-swap-tracked" "7.0" "9d2119984224" FalseReject
        "What is known of bytes is known when they are swapped.";
    40 SIGNS_FORKED "signs-forked" "7.0" "bffacdb80b93" FalseReject
        "A number that is 0 or -1 is looked at as two paths where bits are taken of it.";
    108 PACKET_LOADS_LEAVE "packet-loads-leave" "7.0" "" FalseAccept
        "A load beyond the packet's end leaves the function that it is in, and not the program alone.";
    104 SELF_ADDITIONS "self-additions" "7.0" "" FalseAccept
        "A number that is added to itself loses its link.";
    106 VAR_OFF_WRITES_SCRUB "var-off-writes-scrub" "7.0" "" FalseReject
        "A write to the stack that may hit a spilled register leaves its other bytes readable.";
    107 ARENA_ON_THE_RIGHT "arena-on-the-right" "7.0" "" FalseReject
        "A pointer into the arena may be the right side of an operation.";
    61 TIMERS_IN_TRACING "timers-in-tracing" "7.0" "" FalseReject
        "Programs on kprobes, tracepoints and perf events may use timers and workqueues.";
    44 POINTER_ARGS "pointer-args" "7.1" "4145203841ba" FalseReject
        "An argument of a traced function that points to no structure is a number, whatever it points to.";
    102 WHOLE_POINTER "whole-pointer" "7.1" "" FalseAccept
        "What a pointer stems from is known of the sum as well where it is added to a number.";
    103 DELTAS_CLEARED "deltas-cleared" "7.1" "" FalseAccept
        "Where a number loses its link, the distance goes with it.";
    105 HOOK_RANGE_AFRESH "hook-range-afresh" "7.1" "" FalseAccept
        "What a hook returned so far has the hook's range, whatever its register held before.";
    109 BRANCHES_TRIED "branches-tried" "7.1" "" FalseReject
        "A branch on which nothing is left of a number is not walked.";
    111 RECURSION_TOLD "recursion-told" "7.1" "" FalseReject
        "A function that calls itself is refused before the walk, and not when the frames run out.";
    90 GLOBALS_OWN_FRAMES "globals-own-frames" "7.1" "" FalseReject
        "A call of a global function begins another count of frames.";
    115 + 114 LOW_HALVES_SIGNED "low-halves-signed" "7.1" "" FalseReject
        "The range of a lower half is cut in two by its sign as that of the whole is, and shifted up with it.";
    170 GLOBALS_THROW "globals-throw" "7.1" "" FalseAccept
        "A call of a global function that may throw may end the program, which then may hold nothing.";
    93 VOID_GLOBALS "void-globals" "7.1" "" FalseReject
        "A global function may return nothing.";
    95 ZERO_REGISTER_NULL "zero-register-null" "7.1" "" FalseReject
        "A pointer is tested for NULL by a register that is zero as well.";
    98 MOVED_CONTEXT "moved-context" "7.1" "" FalseReject
        "A context that is passed as it is may be read by a pointer that was moved, in syscall programs anyhow.";
    100 CLONES_OVERWRITTEN "clones-overwritten" "7.1" "" FalseReject
        "A referenced dynptr may be overwritten while a clone of it is left.";
    47 SYSCALLS_MAY_SLEEP "syscalls-may-sleep" "7.1" "" FalseReject
        "Programs on system calls may sleep, and change what they return, where no errors are injected.";
    34 CONSTANT_BRANCHES "constant-branches" "7.1" "f1606dd0ac49" FalseReject
        "A branch on a constant is a jump: what it does not lead to is not read.";
    46 + 28 LIVE_STACK "live-stack" "7.1" "" FalseReject
        "What may be read of the stack later is known before the walk, and not found by it.";
    51 + 28 LIVE_LINKS "live-links" "7.1" "" FalseReject
        "Registers that are not read any more take no place among the six that a number is linked to.";
    28 DEAD_PARTS_CLEANED "dead-parts-cleaned" "7.1" "" FalseReject
        "A state is cleaned of what is dead before it is kept, and not when all its paths were walked.";
    29 SINGULAR_IDS "singular-ids" "7.1" "b2a0aa3a8739" FalseReject
        "An id that one scalar alone has links nothing and is forgotten when a state is kept.";
    30 UNLINKED_SCALARS "unlinked-scalars" "7.1" "b0388bafa494" FalseReject
        "A scalar without a link in the kept state may be linked in another.";
    41 LINKED_BELOW "linked-below" "7.1" "7a433e519364" FalseReject
        "A number below another is linked to it, and one of 32 bits; not only one above.";
    31 PACKET_OFFSETS_MERGED "packet-offsets-merged" "7.1" "022ac0750883" FalseReject
        "How far a packet pointer is checked counts with the variable part of its offset.";
    32 PACKET_END_MARKS "packet-end-marks" "7.1" "a8502a79e832" FalseAccept
        "A packet pointer known to be at or behind the end is not as good as one before it.";
    114 CIRCULAR_RANGES "circular-ranges" "7.2" "" FalseReject
        "The range of a number is one that may go over zero or over the sign, not two beside each other.";
    33 PACKET_DISPLACEMENTS "packet-displacements" "7.2" "" FalseAccept
        "Packet pointers that share an id keep their distance from each other.";
    36 NULL_CHECKED_IDS "null-checked-ids" "7.2" "06d518a5583f" FalseAccept
        "A pointer keeps its id when it was tested for NULL, and so what it stems from.";
    45 SPILLED_ZEROS_KEPT "spilled-zeros-kept" "7.2" "" FalseAccept
        "A spilled zero stays a number where half of it is dead, and is precise once it is needed.";
    50 BELOW_FRAME_POINTER "below-frame-pointer" "7.2" "" FalseAccept
        "An iterator, dynptr or flag is below the frame pointer; what points at it does not pass for the first.";
    26 DYNPTR_IDS "dynptr-ids" "7.2" "" FalseAccept
        "Dynptrs on the stack are told apart when states are compared, not only their kinds.";
    23 INNER_MAP_NULLNESS "inner-map-nullness" "7.2" "53040a81ae57" FalseAccept
        "A lookup in a map that may have another size than it says can always fail.";
    69 + 52 LOCKS_END_RCU "locks-end-rcu" "7.2" "" FalseAccept
        "What RCU protects while a lock is held is not sure to stay when it is given back.";
    70 RETVALS_IN_RANGE "retvals-in-range" "7.2" "" FalseAccept
        "What a program sets as the return value of its hook is one that the hook may return.";
    71 ACQUIRING_LOADS "acquiring-loads" "7.2" "" FalseAccept
        "What a load with acquire semantics reads is looked at before it is read, and may not fault.";
    72 PACKET_LOADS_IN_CALLBACKS "packet-loads-in-callbacks" "7.2" "" FalseAccept
        "No instruction in a callback reads the packet and ends the program where it is too short.";
    73 EQUAL_TO_NOT_NULL "equal-to-not-null" "7.2" "" FalseAccept
        "A pointer is not NULL for being equal to one that may be, or that an offset may make so.";
    74 HALVES_OF_POINTERS "halves-of-pointers" "7.2" "" FalseAccept
        "The lower half of a pointer may be zero.";
    75 KNOWN_ZEROS_PRECISE "known-zeros-precise" "7.2" "" FalseAccept
        "A number that is taken for NULL is precise.";
    76 FLOW_KEYS_OFFSETS "flow-keys-offsets" "7.2" "" FalseAccept
        "A number added to the pointer to flow keys counts where they are read.";
    77 PACKET_ARGUMENTS "packet-arguments" "7.2" "" FalseAccept
        "No pointer to the packet goes to a global function that may change the packet.";
    78 NONNULL_ARGUMENTS "nonnull-arguments" "7.2" "" FalseReject
        "Memory of a global function that is not NULL is not the number zero either.";
    79 GOTOX_ENDS "gotox-ends" "7.2" "" FalseReject
        "A function may end with an indirect jump.";
    80 ATOMICS_OF_ONE_KIND "atomics-of-one-kind" "7.2" "" FalseAccept
        "An atomic operation is on pointers of one kind, whatever it is, on every path.";
    81 NMI_UNSAFE_FIELDS "nmi-unsafe-fields" "7.2" "" FalseAccept
        "Where an NMI may come no object is dropped whose fields cannot be freed there.";
    82 PERCPU_KPTRS "percpu-kptrs" "7.2" "" FalseAccept
        "A kptr to an object of each CPU holds no other object.";
    83 + 56 UNTRUSTED_OBJECTS "untrusted-objects" "7.2" "" FalseAccept
        "What is not trusted any more is not written, nor owned, nor in a collection.";
    84 MEMORY_OF_OBJECTS "memory-of-objects" "7.2" "" FalseAccept
        "A call that writes memory does not get a kernel object for it.";
    85 COUNTS_TAKEN "counts-taken" "7.2" "" FalseAccept
        "A count is taken of the object itself, and given for sure where the object is held.";
    86 OBJECTS_END "objects-end" "7.2" "" FalseAccept
        "An object that the program made ends where its type does.";
    87 SIGNS_UNLINKED "signs-unlinked" "7.2" "" FalseAccept
        "A load that extends the sign gives another number than the one on the stack.";
    88 ITERATOR_TRUST "iterator-trust" "7.2" "" FalseAccept
        "Iterators are told apart by whether their section lasts when states are compared.";
    89 ARENA_TYPES "arena-types" "7.2" "" FalseReject
        "Types of a function tell that it takes or returns a pointer into the arena.";
    146 RELEASE_FIRST "release-first" "7.2" "" FalseReject
        "That a kfunc gives back no reference is said before what else is wrong with the argument.";
    91 DYNPTR_PARENTS "dynptr-parents" "7.2" "" FalseAccept
        "A dynptr goes with the object that it was made of, and that cannot go before it is given back.";
    24 SOCKMAP_UPDATE_TYPES "sockmap-update-types" "7.3" "" FalseAccept
        "Programs on packets (socket filter, tc, XDP, flow dissector) do not change sockmaps.";
    52 PREEMPTION_IS_RCU "preemption-is-rcu" "7.3" "" FalseReject
        "Where preemption or interrupts are off, what RCU protects stays, until the last section ends.";
    53 SPILLED_ZEROS_READ "spilled-zeros-read" "7.3" "" FalseReject
        "Bytes of a spilled zero read as zero where the spill is not read as a whole.";
    54 EVERY_POINTER_SPILLED "every-pointer-spilled" "7.3" "" FalseReject
        "A pointer of any kind is still known when it comes back from the stack.";
    55 LOOKUPS_REFINED "lookups-refined" "7.3" "" FalseAccept
        "What a map of maps or sockets gives is no value of a map before its test for NULL either.";
    56 FAULTING_POINTERS "faulting-pointers" "7.3" "" FalseAccept
        "Nothing is written through a pointer that may fault, and an object is read through it when its lifetime is over.";
    57 CONTEXTS_OF_FUNCTIONS "contexts-of-functions" "7.3" "" FalseAccept
        "A global function is looked at as it is called: where it may sleep, where not.";
    64 ARENA_INSNS_APART "arena-insns-apart" "7.3" "" FalseAccept
        "Arithmetic is either for pointers into the arena or for other values.";
    65 BUFFERS_OF_NO_SIZE "buffers-of-no-size" "7.3" "" FalseAccept
        "A kfunc that is told to give a buffer of no bytes gives one, and not one as large as its type.";
    66 MAP_ARGUMENTS "map-arguments" "7.3" "" FalseReject
        "A kfunc wants the map that an object is in where the argument is named __const_map, not __map.";
    67 DYNPTRS_FILLED_OVER "dynptrs-filled-over" "7.3" "" FalseReject
        "A helper may fill memory in which a dynptr lies, if that owns nothing.";
    68 KFUNC_PROTOTYPES "kfunc-prototypes" "7.3" "" FalseAccept
        "What a kfunc takes is told by its prototype alone, not by what is passed.";
    92 EXTENSION_TYPES "extension-types" "7.3" "" FalseAccept
        "Where maps are looked at, an extension is of the type of what it extends.";
    25 PACKET_BOUNDS_KEPT "packet-bounds-kept" "7.3" "" FalseAccept
        "The known bits of a packet pointer that keeps its range do not tighten its bounds.";
}
