package nn

// Fusion is a row of the table of fusions as tests see it.
type Fusion struct {
	Layers                     []string
	Operation, Gradients, Test string
}

// Fusions returns the table.
func Fusions() (rows []Fusion) {
	for _, f := range fusions {
		row := Fusion{Operation: f.operation, Gradients: f.gradients, Test: f.test}
		for _, k := range f.layers {
			row.Layers = append(row.Layers, k.name)
		}
		rows = append(rows, row)
	}
	return rows
}

// Fused returns which rows of the table the layers are passed through, by their operations.
func Fused(layers ...Module) (operations []string) {
	for len(layers) > 0 {
		n := 1
		for i := range fusions {
			if f := &fusions[i]; f.begins(layers) {
				operations, n = append(operations, f.operation), len(f.layers)
				break
			}
		}
		layers = layers[n:]
	}
	return operations
}
