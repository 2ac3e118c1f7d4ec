// Command gen writes the assembly of package kernel with avo, and the declarations that go with
// it: those of one topic at a time. It is a module of its own, so that nobody who imports onehot
// needs avo.
package main

import (
	"flag"
	"log"
	"maps"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// topics has what writes the kernels of each topic.
var topics = map[string]func(){
	"products":      products,
	"convolution":   convolution,
	"rows":          rows,
	"pooling":       pooling,
	"normalisation": normalisation,
	"pixels":        pixels,
	"pictures":      pictures,
	"optimizers":    optimizers,
	"elementwise":   elementwise,
	"inference":     inference,
}

func main() {
	topic := flag.String("topic", "", "the topic whose kernels are written")
	flag.Parse()
	write := topics[*topic]
	if write == nil {
		log.Fatalf("-topic %q: one of %q expected", *topic, slices.Sorted(maps.Keys(topics)))
	}
	ConstraintExpr("amd64")
	write()
	Generate()
}

// triple returns three times what stride has.
func triple(stride Register) Register {
	stride3 := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	return stride3
}

// fourRows returns the addresses of four rows from base on that lie stride bytes apart; stride3
// has three times that.
func fourRows(base, stride, stride3 Register) [4]Mem {
	return [4]Mem{
		{Base: base}, {Base: base, Index: stride, Scale: 1},
		{Base: base, Index: stride, Scale: 2}, {Base: base, Index: stride3, Scale: 1},
	}
}

// eachRow does something to the rows that there are, of at most so many: they lie stride bytes
// apart from c on.
func eachRow(label string, most int, rows, c, stride Register, do func(i int, at Mem)) {
	at := GP64()
	MOVQ(c, at)
	for i := range most {
		if i > 0 {
			CMPQ(rows, Imm(uint64(i)))
			JLE(LabelRef(label))
			ADDQ(stride, at)
		}
		do(i, Mem{Base: at})
	}
	Label(label)
}
