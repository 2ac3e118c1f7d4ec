package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// addWon writes the kernel that adds up what lies under the places that won in squares of four.
func addWon() {
	const name, chains = "addWonAVX2", 4
	TEXT(name, NOSPLIT, "func(filters, rows, cols int, grad *float32, winners *byte, laid *float32, at *[4]int, step, down int, sums *float32, row int)")
	Doc(name+" adds to sums, of which every filter has 16, row elements apart, for each of its squares,",
		"of which there are rows and cols, 16 elements of laid times the square's number in grad.",
		"They begin, from where those of the square do, where at says of the winner. Squares are step",
		"elements apart, and what is behind a row of them is down elements from the next.")
	Pragma("noescape")
	filters, grad, winners := Load(Param("filters"), GP64()), Load(Param("grad"), GP64()), Load(Param("winners"), GP64())
	at, step, down := Load(Param("at"), GP64()), bytes("step"), bytes("down")
	sums, row := Load(Param("sums"), GP64()), bytes("row")
	var chainSums [chains][2]VecVirtual
	for i := range chainSums {
		for j := range chainSums[i] {
			chainSums[i][j] = YMM()
		}
	}
	Label("filter")
	for i := range chainSums {
		for j, s := range chainSums[i] {
			VXORPS(s, s, chainSums[i][j])
		}
	}
	rows, laid := Load(Param("rows"), GP64()), Load(Param("laid"), GP64())
	add := func(chain int) {
		winner, v := GP64(), YMM()
		MOVBQZX(Mem{Base: winners, Disp: chain}, winner)
		MOVQ(Mem{Base: at, Index: winner, Scale: 8}, winner)
		VBROADCASTSS(Mem{Base: grad, Disp: 4 * chain}, v)
		for j, s := range chainSums[chain] {
			VFMADD231PS(Mem{Base: laid, Index: winner, Scale: 4, Disp: 32 * j}, v, s)
		}
		ADDQ(step, laid)
	}
	Label("row")
	left := Load(Param("cols"), GP64())
	SUBQ(Imm(chains), left)
	JLT(LabelRef("rest"))
	Label("squares")
	for chain := range chains {
		add(chain)
	}
	ADDQ(Imm(chains), winners)
	ADDQ(Imm(4*chains), grad)
	SUBQ(Imm(chains), left)
	JGE(LabelRef("squares"))
	Label("rest")
	ADDQ(Imm(chains), left)
	for chain := range chains - 1 {
		CMPQ(left, Imm(uint64(chain)))
		JEQ(LabelRef("rowEnd"))
		add(chain)
	}
	Label("rowEnd")
	LEAQ(Mem{Base: grad, Index: left, Scale: 4}, grad)
	ADDQ(left, winners)
	ADDQ(down, laid)
	DECQ(rows)
	JNZ(LabelRef("row"))
	for j := range 2 {
		total := sum(sum(chainSums[0][j], chainSums[1][j]), sum(chainSums[2][j], chainSums[3][j]))
		VADDPS(Mem{Base: sums, Disp: 32 * j}, total, total)
		VMOVUPS(total, Mem{Base: sums, Disp: 32 * j})
	}
	ADDQ(row, sums)
	DECQ(filters)
	JNZ(LabelRef("filter"))
	VZEROUPPER()
	RET()
}
