// SPDX-License-Identifier: GPL-2.0-only
//! What a cause can be, as names that stay, each with what it means and what to do.

/// What is wrong at the place of the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reason {
    pub name: &'static str,
    /// What happens there.
    pub what: &'static str,
    /// What to change.
    pub advice: &'static str,
}

macro_rules! reasons {
    ($($constant:ident $name:literal $what:literal $advice:literal;)*) => {
        $(pub(super) const $constant: Reason =
            Reason { name: $name, what: $what, advice: $advice };)*

        #[cfg(test)]
        const ALL: &[Reason] = &[$($constant,)*];
    };
}

reasons! {
    CUT "cut-to-32-bits"
        "A pointer is cut to its low 32 bits here; what is left is a number."
        "Keep a pointer in a variable of pointer type or a `__u64`: an `int` or `__u32` on its way, also as an argument or return type, cuts it.";
    PART "pointer-in-part"
        "Only a part of a pointer goes to the stack or comes from it here, and a part is a number."
        "Store and load a pointer whole, all eight bytes, through one variable of pointer type: no union, cast or memcpy that touches a part of it.";
    ARITHMETIC "number-by-arithmetic"
        "This arithmetic makes a number of a pointer."
        "If the source has no such operator here, clang made it, of two tests in one or a comparison of pointers: `barrier_var(p)` between them keeps them apart.";
    ENDS "pointer-ends"
        "With this call the pointer ends: what it points to is released, or may have moved."
        "Do not use it after that. After a call that may change the packet, read `data` and `data_end` from the context again and compare again.";
    CLOBBERED "clobbered-by-a-call"
        "This call leaves nothing in the registers R1 to R5."
        "Keep what is needed after a call in R6 to R9, or on the stack; clang does.";
    POINTER_MOVED "pointer-moved"
        "The pointer is moved here."
        "Pass or use the pointer as it came.";
    NULL_SIDE "null-on-this-side"
        "On the side of this comparison that the path takes, the pointer is NULL."
        "The use belongs on the other side of the comparison.";
    NUMBER "a-number-from-the-start"
        "The value is made here, and it is a number: what comes out of plain memory, or of a helper that returns a number, is no pointer."
        "Get the pointer from a function that returns one; or read through `bpf_probe_read_kernel()`, or cast by `bpf_core_cast()`.";
    SET_NULL "set-to-null"
        "The value is made here, and it is NULL."
        "Compare it with NULL before the use: on this path nothing else is put into it.";
    UNCHECKED "never-compared-with-null"
        "This may give NULL, and the path compares this very pointer with NULL nowhere."
        "`if (!p) return 0;` right behind it. Each call gives a pointer of its own: a check of another one, for the same key too, does not count.";
    TRUST_ENDS "trust-ends"
        "Here the section ends in which the pointer could be trusted."
        "Use it before the section ends, or acquire a reference inside it.";
    UNTRUSTED "untrusted-from-the-start"
        "What is read here is no trusted pointer."
        "Acquire what the field points to inside an RCU section, or get it from a kfunc that acquires.";
    UNBOUNDED "never-bounded"
        "The value comes from here, and nothing bounds it before it is used."
        "Compare it, or mask it, between here and the use: `if (i >= N) return 0;` with an unsigned `i`.";
    WIDE "bound-too-wide"
        "This is what bounds the value, and it allows more than there is."
        "Compare with the size of what is accessed, with `>=` rather than `>`; a mask is the size less one.";
    MOVED "out-of-bounds-from-here"
        "Before this the value fits, after it no more."
        "Bound it after the computation, not before.";
    SIGNED "bounded-above-alone"
        "This comparison is signed: it bounds the value above alone, and below zero it may be anything."
        "Make the variable unsigned, or compare with 0 too.";
    COPY "copy-compared"
        "What is compared here is a copy or a part of the value; of the value itself the verifier learns nothing."
        "Compare the very variable that is used, in its full width. Where clang makes the copy, `barrier_var(i)` before the comparison stops it.";
    AGAIN "read-again"
        "The value is read here a second time; what was compared is what another read gave."
        "Read once, into a local variable, and use that: what is in memory may change, and `volatile` or a barrier makes clang read again.";
    COUNTER "counter-of-its-own"
        "Each round changes this variable, and what is not the iterator's own the verifier forgets from round to round."
        "Use the iterator's element, `*v`; or bound the counter inside the loop, between here and the use.";
    FAR "offset-over-0xffff"
        "The offset may be over 0xffff here: of a packet pointer that was moved so far a comparison with the packet's end teaches nothing."
        "Bound the offset to 0xffff at most before it is added: `if (off > 0xffff) return 0;` or `off &= 0xffff;`.";
    SHORT "compared-too-short"
        "This comparison shows less of the packet than is accessed."
        "Compare the last byte that is accessed: `if (p + offset + size > data_end) return 0;`.";
    WRONG_WAY "compared-the-wrong-way"
        "On the side of this comparison that the path takes, nothing is shown of the packet."
        "Leave where `p + size > data_end`, access on the other side.";
    OWN_SUM "another-sum-compared"
        "This makes a packet pointer of its own, and it is compared with the packet's end nowhere; that another one is, even with the same offset, does not count."
        "Compare the pointer that is accessed, after the variable offset was added.";
    LEFT "left-on-this-side"
        "The side of this branch that the path takes does not release what is held; the other side does."
        "Release it on this side too.";
    NEVER_RELEASED "never-released"
        "What is acquired here is released on no way from here on."
        "Release it before the end of the program.";
    SKIPPED "begun-on-the-other-side"
        "The side of this branch that the path takes does not begin what is ended later; the other side does."
        "End it only where it was begun.";
    ENDED "ended-before"
        "This has ended it already."
        "End it once.";
    BEGUN "begun-before"
        "This has begun it already, and nothing ended it since."
        "Destroy it first, or use another variable.";
    SECTION_ENDED "section-ended"
        "Here the RCU section ends in which the iterator was made."
        "Keep one section around the whole walk.";
    MADE "made-here"
        "The value is made here."
        "Let it be what is asked for at the place that is refused.";
    CONDITION "condition-stays"
        "This condition would leave the loop, and nothing that it tests changes in a way the verifier can follow."
        "Let it test something that changes in each round by a known amount.";
    FORKS "forks-in-each-round"
        "In each round one more path waits from this branch on."
        "Take the branch out of the loop, or make the loop an iterator loop.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_and_each_its_own() {
        let mut names: Vec<&str> = ALL.iter().map(|r| r.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(names.iter().all(|name| name.chars().all(letter)));
    }
}
