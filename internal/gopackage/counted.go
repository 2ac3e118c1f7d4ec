package gopackage

// counted returns input n of those that answers are recorded for, so many numbers from 0 to 1.
func counted(n, size int) []float32 {
	numbers := make([]float32, size)
	for i := range numbers {
		numbers[i] = float32((i*37+n*11)%101) / 100
	}
	return numbers
}
