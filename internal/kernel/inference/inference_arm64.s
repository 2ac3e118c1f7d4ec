#include "textflag.h"

// PIXEL adds a channel of a pixel, times the filters in V0 and V1, to its sums.
#define PIXEL(at, x, sum0, sum1) \
	VLD1R.P 4(at), [x.S4] \
	VFMLA   V0.S4, x.S4, sum0.S4 \
	VFMLA   V1.S4, x.S4, sum1.S4

// NEXT sets a pixel's address: step further, or the same for pixels from n in R7 on.
#define NEXT(i, before, at) \
	CMP  $i, R7 \
	CSEL GT, R6, ZR, R17 \
	ADD  R17, before, at

// func sums8x2NEON(x, w, sums *float32, offsets *int, runs, length, step, n int)
TEXT ·sums8x2NEON(SB), NOSPLIT, $0-64
	MOVD x+0(FP), R8
	MOVD w+8(FP), R1
	MOVD sums+16(FP), R2
	MOVD offsets+24(FP), R3
	MOVD runs+32(FP), R4
	MOVD length+40(FP), R5
	MOVD step+48(FP), R6
	MOVD n+56(FP), R7
	LSL  $2, R6, R6
	NEXT(1, R8, R9)
	NEXT(2, R9, R10)
	NEXT(3, R10, R11)
	NEXT(4, R11, R12)
	NEXT(5, R12, R13)
	NEXT(6, R13, R14)
	NEXT(7, R14, R15)

	MOVD   R2, R0
	VLD1.P 64(R0), [V16.S4, V17.S4, V18.S4, V19.S4]
	VLD1.P 64(R0), [V20.S4, V21.S4, V22.S4, V23.S4]
	VLD1.P 64(R0), [V24.S4, V25.S4, V26.S4, V27.S4]
	VLD1   (R0), [V28.S4, V29.S4, V30.S4, V31.S4]

run:
	MOVD.P 8(R3), R17
	LSL    $2, R17, R17
	ADD    R17, R8, R19
	ADD    R17, R9, R20
	ADD    R17, R10, R21
	ADD    R17, R11, R22
	ADD    R17, R12, R23
	ADD    R17, R13, R24
	ADD    R17, R14, R25
	ADD    R17, R15, R26
	MOVD   R5, R6

step:
	VLD1.P 32(R1), [V0.S4, V1.S4]
	PIXEL(R19, V2, V16, V17)
	PIXEL(R20, V3, V18, V19)
	PIXEL(R21, V4, V20, V21)
	PIXEL(R22, V5, V22, V23)
	PIXEL(R23, V6, V24, V25)
	PIXEL(R24, V7, V26, V27)
	PIXEL(R25, V2, V28, V29)
	PIXEL(R26, V3, V30, V31)
	SUB    $1, R6
	CBNZ   R6, step
	SUB    $1, R4
	CBNZ   R4, run

	VST1.P [V16.S4, V17.S4, V18.S4, V19.S4], 64(R2)
	VST1.P [V20.S4, V21.S4, V22.S4, V23.S4], 64(R2)
	VST1.P [V24.S4, V25.S4, V26.S4, V27.S4], 64(R2)
	VST1   [V28.S4, V29.S4, V30.S4, V31.S4], (R2)
	RET
