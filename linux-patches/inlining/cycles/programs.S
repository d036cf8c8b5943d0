/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A BPF program that adds up and counts the CPUs of a mask, as the JIT of x86-64 lays it out: with the
 * iterator called, and with the instructions that the series puts in its place. R0 is rax, R1 rdi,
 * R2 rsi, R3 rdx, R4 rcx. For 128 CPUs.
 */
.intel_syntax noprefix
.text

/* How Rust's functions return if built with -Zfunction-return=thunk-extern. */
.globl __x86_return_thunk
.p2align 6
__x86_return_thunk:
#ifdef SAFE_RET
	call	safe_ret
	ud2
	.p2align 6
safe_ret:
	lea	rsp, [rsp + 8]
#endif
	ret
	int3

.macro program name, new, next, destroy
.p2align 5
.globl \name
\name:
	push	rbp
	mov	rbp, rsp
	sub	rsp, 16
	push	rbx
	push	r13
	mov	rsi, rdi
	lea	rdi, [rbp - 16]
	xor	ebx, ebx
	xor	r13d, r13d
	\new
7:	lea	rdi, [rbp - 16]
	\next
	test	rax, rax
	je	8f
	mov	eax, [rax]
	add	rbx, rax
	add	r13, 1
	jmp	7b
8:	lea	rdi, [rbp - 16]
	\destroy
	mov	rax, rbx
	pop	r13
	pop	rbx
	leave
	ret
.endm

.macro inlined_new
	mov	dword ptr [rdi], -1
	mov	dword ptr [rdi + 4], 0
	mov	[rdi + 8], rsi
	xor	eax, eax
.endm

.macro inlined_next
	mov	ecx, [rdi]
	mov	eax, [rdi + 4]
	mov	rdx, [rdi + 8]
	shl	rax, 3
	add	rax, rdx
	mov	rax, [rax]
	shr	rax, cl
	and	rax, -2
	test	rax, rax
	jne	5f
1:	or	ecx, 63
	add	ecx, 1
	cmp	rcx, 128
	jb	3f
2:	mov	dword ptr [rdi], 127
	xor	eax, eax
	jmp	6f
3:	mov	rax, rcx
	shr	rax, 3
	add	rax, rdx
	mov	rax, [rax]
	test	rax, rax
	je	1b
	mov	rsi, rcx
	shr	rsi, 6
	mov	[rdi + 4], esi
5:	tzcnt	rax, rax
	add	rcx, rax
	cmp	rcx, 128
	jae	2b
	mov	[rdi], ecx
	mov	rax, rdi
6:
.endm

.macro inlined_destroy
	nop
.endm

program called, "call it_new", "call it_next", "call it_destroy"
program inlined, inlined_new, inlined_next, inlined_destroy
.section .note.GNU-stack, "", @progbits
