#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# usage: kfunc_guard.sh MAIN.o PROTOTYPES.o [FUNCTION ...]
#
# Looks at the object MAIN.o of a Rust crate with kfuncs before it is linked.
# Each function that PROTOTYPES.o has a prototype of must be in MAIN.o, and in
# a kfunc_set!. And no BPF program may make the kernel panic.
#
# A panic in Rust, of whichever operation, is a call of a function that the
# crate core has compiled: core::panicking::panic_fmt(), core::option::
# unwrap_failed(), and scores of others. So of the functions that Rust has
# mangled, MAIN.o may need but those named as FUNCTION, which somebody has read.
# C's are no matter: they do not panic by Rust's rules.

main=$1
prototypes=$2
shift 2

fail()
{
	echo "error: $main: $*" >&2
	exit 1
}

# kernel::kfunc::KfuncSet::register is mangled as
# _RNvMs1_NtCs68ahKl5OMMj_6kernel5kfuncNtB5_8KfuncSet8register: the M is for a
# method, Cs…_ for a crate, Nt for what lies in it, B5_ for what was there before.
allowed='^$'
for function; do
	parts=
	for part in $(echo "$function" | sed 's/::/ /g'); do
		parts="$parts(NtB[0-9A-Za-z]*_)?${#part}$part"
	done
	allowed="$allowed|^_RNv(M(s[0-9A-Za-z]*_)?)?(Nt)*Cs[0-9A-Za-z]*_$parts\$"
done

symbols=$(${NM:-nm} "$main") || fail "cannot be read"
rust=$(echo "$symbols" | sed -n 's/^ *[Uw] \(_[RZ].*\)/\1/p' | grep -Ev "$allowed")
[ -z "$rust" ] ||
	fail "can panic: use operations that cannot, such as wrapping_add() and get()." $rust

for kfunc in $(${NM:-nm} "$prototypes" | sed -n 's/.* W //p'); do
	echo "$symbols" | grep -q " T $kfunc\$" ||
		fail "$kfunc has a prototype but no body: is it extern \"C\" and no_mangle?"
	echo "$symbols" | grep -q " __BTF_ID__func__${kfunc}__[0-9]*\$" ||
		fail "$kfunc is in no kfunc_set!"
done
