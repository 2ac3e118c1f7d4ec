// Written by hand. Go's assembler lacks FMLA by element and FADD of vectors: macros
// encode them, as Arm's Architecture Reference Manual gives them under C7.2. Registers
// are numbers in their arguments.

#include "textflag.h"

// FMLA V(d).4S, V(n).4S, V(m).S[i]
#define FMLAS(m, i, n, d) WORD $(0x4F801000 | ((i)&1)<<21 | (m)<<16 | ((i)>>1)<<11 | (n)<<5 | (d))

// FMLA V(d).2D, V(n).2D, V(m).D[i]
#define FMLAD(m, i, n, d) WORD $(0x4FC01000 | (m)<<16 | (i)<<11 | (n)<<5 | (d))

// FADD V(d).4S, V(n).4S, V(m).4S
#define FADDS4(m, n, d) WORD $(0x4E20D400 | (m)<<16 | (n)<<5 | (d))

// FADD V(d).2D, V(n).2D, V(m).2D
#define FADDD2(m, n, d) WORD $(0x4E60D400 | (m)<<16 | (n)<<5 | (d))

// ZERO4 clears four registers.
#define ZERO4(v0, v1, v2, v3) \
	VEOR v0.B16, v0.B16, v0.B16 \
	VEOR v1.B16, v1.B16, v1.B16 \
	VEOR v2.B16, v2.B16, v2.B16 \
	VEOR v3.B16, v3.B16, v3.B16

// ZERO clears the sums: row r of a tile is V(8+2r) and V(9+2r).
#define ZERO \
	ZERO4(V8, V9, V10, V11) \
	ZERO4(V12, V13, V14, V15) \
	ZERO4(V16, V17, V18, V19) \
	ZERO4(V20, V21, V22, V23) \
	ZERO4(V24, V25, V26, V27) \
	ZERO4(V28, V29, V30, V31)

// ROW32 and ROW64 add element i of V(m), of a column of a, times a row of b to row r.
#define ROW32(m, i, r) \
	FMLAS(m, i, 3, 8+2*r) \
	FMLAS(m, i, 4, 9+2*r)
#define ROW64(m, i, r) \
	FMLAD(m, i, 6, 8+2*r) \
	FMLAD(m, i, 7, 9+2*r)

// ADD32 and ADD64 add a row of c at R5 to row r, and go to the next, R4 bytes behind.
#define ADD32(r) \
	VLD1.P (R5)(R4), [V0.S4, V1.S4] \
	FADDS4(0, 8+2*r, 8+2*r) \
	FADDS4(1, 9+2*r, 9+2*r)
#define ADD64(r) \
	VLD1.P (R5)(R4), [V0.D2, V1.D2] \
	FADDD2(0, 8+2*r, 8+2*r) \
	FADDD2(1, 9+2*r, 9+2*r)

// func tile12x8NEON(depth int, a, b, c *float32, stride int, add bool)
TEXT ·tile12x8NEON(SB), NOSPLIT, $0-41
	MOVD depth+0(FP), R0
	MOVD a+8(FP), R1
	MOVD b+16(FP), R2
	MOVD c+24(FP), R3
	MOVD stride+32(FP), R4
	LSL  $2, R4
	ZERO

step:
	VLD1.P 48(R1), [V0.S4, V1.S4, V2.S4]
	VLD1.P 32(R2), [V3.S4, V4.S4]
	ROW32(0, 0, 0)
	ROW32(0, 1, 1)
	ROW32(0, 2, 2)
	ROW32(0, 3, 3)
	ROW32(1, 0, 4)
	ROW32(1, 1, 5)
	ROW32(1, 2, 6)
	ROW32(1, 3, 7)
	ROW32(2, 0, 8)
	ROW32(2, 1, 9)
	ROW32(2, 2, 10)
	ROW32(2, 3, 11)
	SUBS   $1, R0
	BNE    step

	MOVBU add+40(FP), R6
	CBZ   R6, write
	MOVD  R3, R5
	ADD32(0)
	ADD32(1)
	ADD32(2)
	ADD32(3)
	ADD32(4)
	ADD32(5)
	ADD32(6)
	ADD32(7)
	ADD32(8)
	ADD32(9)
	ADD32(10)
	ADD32(11)

write:
	VST1.P [V8.S4, V9.S4], (R3)(R4)
	VST1.P [V10.S4, V11.S4], (R3)(R4)
	VST1.P [V12.S4, V13.S4], (R3)(R4)
	VST1.P [V14.S4, V15.S4], (R3)(R4)
	VST1.P [V16.S4, V17.S4], (R3)(R4)
	VST1.P [V18.S4, V19.S4], (R3)(R4)
	VST1.P [V20.S4, V21.S4], (R3)(R4)
	VST1.P [V22.S4, V23.S4], (R3)(R4)
	VST1.P [V24.S4, V25.S4], (R3)(R4)
	VST1.P [V26.S4, V27.S4], (R3)(R4)
	VST1.P [V28.S4, V29.S4], (R3)(R4)
	VST1.P [V30.S4, V31.S4], (R3)(R4)
	RET

// func tile12x4NEON(depth int, a, b, c *float64, stride int, add bool)
TEXT ·tile12x4NEON(SB), NOSPLIT, $0-41
	MOVD depth+0(FP), R0
	MOVD a+8(FP), R1
	MOVD b+16(FP), R2
	MOVD c+24(FP), R3
	MOVD stride+32(FP), R4
	LSL  $3, R4
	ZERO

step:
	VLD1.P 64(R1), [V0.D2, V1.D2, V2.D2, V3.D2]
	VLD1.P 32(R1), [V4.D2, V5.D2]
	VLD1.P 32(R2), [V6.D2, V7.D2]
	ROW64(0, 0, 0)
	ROW64(0, 1, 1)
	ROW64(1, 0, 2)
	ROW64(1, 1, 3)
	ROW64(2, 0, 4)
	ROW64(2, 1, 5)
	ROW64(3, 0, 6)
	ROW64(3, 1, 7)
	ROW64(4, 0, 8)
	ROW64(4, 1, 9)
	ROW64(5, 0, 10)
	ROW64(5, 1, 11)
	SUBS   $1, R0
	BNE    step

	MOVBU add+40(FP), R6
	CBZ   R6, write
	MOVD  R3, R5
	ADD64(0)
	ADD64(1)
	ADD64(2)
	ADD64(3)
	ADD64(4)
	ADD64(5)
	ADD64(6)
	ADD64(7)
	ADD64(8)
	ADD64(9)
	ADD64(10)
	ADD64(11)

write:
	VST1.P [V8.D2, V9.D2], (R3)(R4)
	VST1.P [V10.D2, V11.D2], (R3)(R4)
	VST1.P [V12.D2, V13.D2], (R3)(R4)
	VST1.P [V14.D2, V15.D2], (R3)(R4)
	VST1.P [V16.D2, V17.D2], (R3)(R4)
	VST1.P [V18.D2, V19.D2], (R3)(R4)
	VST1.P [V20.D2, V21.D2], (R3)(R4)
	VST1.P [V22.D2, V23.D2], (R3)(R4)
	VST1.P [V24.D2, V25.D2], (R3)(R4)
	VST1.P [V26.D2, V27.D2], (R3)(R4)
	VST1.P [V28.D2, V29.D2], (R3)(R4)
	VST1.P [V30.D2, V31.D2], (R3)(R4)
	RET

// TRANSPOSE4 writes the columns of the 4 by 4 elements of r0 to r3 to c0 to c3.
#define TRANSPOSE4(r0, r1, r2, r3, c0, c1, c2, c3) \
	VTRN1 r1.S4, r0.S4, V24.S4 \
	VTRN2 r1.S4, r0.S4, V25.S4 \
	VTRN1 r3.S4, r2.S4, V26.S4 \
	VTRN2 r3.S4, r2.S4, V27.S4 \
	VTRN1 V26.D2, V24.D2, c0.D2 \
	VTRN1 V27.D2, V25.D2, c1.D2 \
	VTRN2 V26.D2, V24.D2, c2.D2 \
	VTRN2 V27.D2, V25.D2, c3.D2

// STORE4 writes four rows of dst at R0, R2 bytes apart.
#define STORE4 \
	VST1.P [V16.S4, V17.S4], (R0)(R2) \
	VST1.P [V18.S4, V19.S4], (R0)(R2) \
	VST1.P [V20.S4, V21.S4], (R0)(R2) \
	VST1.P [V22.S4, V23.S4], (R0)(R2)

// func transpose8NEON(dst, src *float32, dstStride, srcStride, blocks int)
TEXT ·transpose8NEON(SB), NOSPLIT, $0-40
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD dstStride+16(FP), R2
	MOVD srcStride+24(FP), R3
	MOVD blocks+32(FP), R4
	LSL  $2, R2
	LSL  $2, R3

block:
	MOVD   R1, R5
	ADD    $32, R1
	VLD1.P (R5)(R3), [V0.S4, V1.S4]
	VLD1.P (R5)(R3), [V2.S4, V3.S4]
	VLD1.P (R5)(R3), [V4.S4, V5.S4]
	VLD1.P (R5)(R3), [V6.S4, V7.S4]
	VLD1.P (R5)(R3), [V8.S4, V9.S4]
	VLD1.P (R5)(R3), [V10.S4, V11.S4]
	VLD1.P (R5)(R3), [V12.S4, V13.S4]
	VLD1   (R5), [V14.S4, V15.S4]
	TRANSPOSE4(V0, V2, V4, V6, V16, V18, V20, V22)
	TRANSPOSE4(V8, V10, V12, V14, V17, V19, V21, V23)
	STORE4
	TRANSPOSE4(V1, V3, V5, V7, V16, V18, V20, V22)
	TRANSPOSE4(V9, V11, V13, V15, V17, V19, V21, V23)
	STORE4
	SUBS   $1, R4
	BNE    block
	RET

// func fmaLoopNEON(n int)
TEXT ·fmaLoopNEON(SB), NOSPLIT, $0-8
	MOVD n+0(FP), R0
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V3.B16, V3.B16, V3.B16
	VEOR V4.B16, V4.B16, V4.B16
	ZERO

round:
	ROW32(0, 0, 0)
	ROW32(0, 0, 1)
	ROW32(0, 0, 2)
	ROW32(0, 0, 3)
	ROW32(0, 0, 4)
	ROW32(0, 0, 5)
	ROW32(0, 0, 6)
	ROW32(0, 0, 7)
	ROW32(0, 0, 8)
	ROW32(0, 0, 9)
	ROW32(0, 0, 10)
	ROW32(0, 0, 11)
	SUBS $1, R0
	BNE  round
	RET
