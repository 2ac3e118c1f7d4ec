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

// STORE32 and STORE64 add row r, which is v0 and v1, to one of c at R3, and go to the
// next, R4 bytes behind.
#define STORE32(r, v0, v1) \
	VLD1 (R3), [V0.S4, V1.S4] \
	FADDS4(0, 8+2*r, 8+2*r) \
	FADDS4(1, 9+2*r, 9+2*r) \
	VST1.P [v0.S4, v1.S4], (R3)(R4)
#define STORE64(r, v0, v1) \
	VLD1 (R3), [V0.D2, V1.D2] \
	FADDD2(0, 8+2*r, 8+2*r) \
	FADDD2(1, 9+2*r, 9+2*r) \
	VST1.P [v0.D2, v1.D2], (R3)(R4)

// func tile12x8NEON(depth int, a, b, c *float32, stride int)
TEXT ·tile12x8NEON(SB), NOSPLIT, $0-40
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

	STORE32(0, V8, V9)
	STORE32(1, V10, V11)
	STORE32(2, V12, V13)
	STORE32(3, V14, V15)
	STORE32(4, V16, V17)
	STORE32(5, V18, V19)
	STORE32(6, V20, V21)
	STORE32(7, V22, V23)
	STORE32(8, V24, V25)
	STORE32(9, V26, V27)
	STORE32(10, V28, V29)
	STORE32(11, V30, V31)
	RET

// func tile12x4NEON(depth int, a, b, c *float64, stride int)
TEXT ·tile12x4NEON(SB), NOSPLIT, $0-40
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

	STORE64(0, V8, V9)
	STORE64(1, V10, V11)
	STORE64(2, V12, V13)
	STORE64(3, V14, V15)
	STORE64(4, V16, V17)
	STORE64(5, V18, V19)
	STORE64(6, V20, V21)
	STORE64(7, V22, V23)
	STORE64(8, V24, V25)
	STORE64(9, V26, V27)
	STORE64(10, V28, V29)
	STORE64(11, V30, V31)
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
