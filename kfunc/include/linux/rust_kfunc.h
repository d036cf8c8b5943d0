/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prototypes of kfuncs whose bodies are Rust:
 *
 *	__bpf_kfunc __weak u32 bpf_example_add(u32 a, u32 b)
 *	{
 *		rust_kfunc_body();
 *	}
 *
 * BTF comes from DWARF, and pahole leaves Rust compile units out. So a C file
 * gives each kfunc its C types, and a body that the linker drops: it is weak,
 * Rust's is not.
 *
 *	prototypes.c ---- DWARF ----> pahole ----> BTF
 *	     |      \--- weak ------\
 *	  bindgen                     ld --------> symbol
 *	     |      /--- strong ----/
 *	NAME_main.rs
 *
 * The body has no end, and the compiler knows: built without padding or landing
 * pad (see scripts/Makefile.kfunc) it is no code at all.
 */
#ifndef _LINUX_RUST_KFUNC_H
#define _LINUX_RUST_KFUNC_H

#include <linux/btf.h>

/*
 * The empty statement comes first, as a function that cannot even be entered
 * has no arguments left: clang would leave them out of DWARF.
 */
#define rust_kfunc_body()				\
	do {						\
		asm volatile("");			\
		__builtin_unreachable();		\
	} while (0)

#endif /* _LINUX_RUST_KFUNC_H */
