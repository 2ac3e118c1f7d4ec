package memory

// Total returns how many bytes of memory this process may have: those of the machine, or what
// its control group or its limit of address space leaves of them. It is 0 if the system does
// not say.
func Total() int64 {
	total := int64(0)
	for _, n := range totals() {
		if n > 0 && (total == 0 || n < total) {
			total = n
		}
	}
	return total
}
