package torchfile

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// source is what pickles are read from.
type source struct {
	r    *bufio.Reader
	left int64 // bytes that may be read
	at   int64 // bytes that were
}

// read fills p.
func (s *source) read(p []byte) error {
	if int64(len(p)) > s.left {
		return io.EOF
	}
	n, err := io.ReadFull(s.r, p)
	s.left -= int64(n)
	s.at += int64(n)
	return err
}

// text reads n bytes.
func (s *source) text(n int64) (string, error) {
	if n > s.left {
		return "", io.EOF
	}
	if n > maxText {
		return "", fmt.Errorf("a text of %d bytes, at most %d expected", n, maxText)
	}
	p := make([]byte, n)
	err := s.read(p)
	return string(p), err
}

// line reads what is before the next end of a line.
func (s *source) line() (string, error) {
	var line []byte
	for {
		var c [1]byte
		if err := s.read(c[:]); err != nil {
			return "", err
		}
		if c[0] == '\n' {
			return string(line), nil
		}
		if line = append(line, c[0]); len(line) > maxText {
			return "", fmt.Errorf("a line of more than %d bytes", maxText)
		}
	}
}

// The most that a pickle may have. A state of ten thousand tensors has some hundred thousand values.
const (
	maxText   = 1 << 16 // bytes of a text
	maxValues = 1 << 20 // that are made, and that are kept
	maxMarks  = 1 << 10 // lists that are open within each other
)

// What pickles make. None is nil, and numbers, texts and truth values are Go's.
type (
	tuple []any
	list  struct{ items []any }
	dict  struct{ keys, values []any }
	// global is a Python function or class by its module and name, "collections OrderedDict".
	global string
)

// get returns the value that the key, a text, stands for last, or nil.
func (d *dict) get(key string) any {
	for i, k := range slices.Backward(d.keys) {
		if k == key {
			return d.values[i]
		}
	}
	return nil
}

// describe names a value for errors.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case string:
		return fmt.Sprintf("%.80q", v)
	case tuple:
		return fmt.Sprintf("a tuple of %d", len(v))
	case *list:
		return fmt.Sprintf("a list of %d", len(v.items))
	case *dict:
		return fmt.Sprintf("a dictionary of %d", len(v.keys))
	case global:
		return fmt.Sprintf("%.200q", string(v))
	case *view:
		return "a tensor"
	case *storage:
		return "a storage"
	}
	return fmt.Sprint(v)
}

// machine does what a pickle says, as far as plain data goes.
type machine struct {
	f     *file
	in    *source
	stack []any
	marks []int // where in the stack open lists begin
	memo  map[uint32]any
	made  int // values
}

// unpickle reads a pickle, which errors call field.
func (f *file) unpickle(field string, in *source) (any, error) {
	m := &machine{f: f, in: in, memo: map[uint32]any{}}
	for {
		at := in.at
		value, done, err := m.step()
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return nil, f.fail(fmt.Sprintf("%s byte %d", field, at), "the pickle ends here")
		case err != nil:
			return nil, f.fail(fmt.Sprintf("%s byte %d", field, at), "%v", err)
		case done:
			return value, nil
		case in.at > maxPickle:
			return nil, f.fail(field, "more than %d bytes", maxPickle)
		}
	}
}

// push puts a value on the stack.
func (m *machine) push(v any) error {
	if m.made++; m.made > maxValues {
		return fmt.Errorf("more than %d values", maxValues)
	}
	m.stack = append(m.stack, v)
	return nil
}

// pop takes n values off the stack, not those that an open list is put on.
func (m *machine) pop(n int) ([]any, error) {
	base := 0
	if len(m.marks) > 0 {
		base = m.marks[len(m.marks)-1]
	}
	from := len(m.stack) - n
	if from < base {
		return nil, fmt.Errorf("%d values expected on the stack, %d found", n, len(m.stack)-base)
	}
	values := slices.Clone(m.stack[from:])
	m.stack = m.stack[:from]
	return values, nil
}

// popMark takes the values of the open list off the stack.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, fmt.Errorf("a mark expected before it")
	}
	from := m.marks[len(m.marks)-1]
	m.marks = m.marks[:len(m.marks)-1]
	values := slices.Clone(m.stack[from:])
	m.stack = m.stack[:from]
	return values, nil
}

// last returns the last value on the stack and leaves it there.
func (m *machine) last() (any, error) {
	values, err := m.pop(1)
	if err != nil {
		return nil, err
	}
	m.stack = append(m.stack, values[0])
	return values[0], nil
}

// last returns the last value on the stack, which errors call a thing of type T.
func last[T any](m *machine, thing string) (v T, err error) {
	value, err := m.last()
	if err != nil {
		return v, err
	}
	v, ok := value.(T)
	if !ok {
		return v, fmt.Errorf("found %s on the stack, %s expected", describe(value), thing)
	}
	return v, nil
}

func le(p []byte) (n uint64) {
	for i, b := range p {
		n |= uint64(b) << (8 * i)
	}
	return n
}

// step does one operation. The names in comments are those of Python's module pickletools.
func (m *machine) step() (value any, done bool, err error) {
	var code [1]byte
	if err := m.in.read(code[:]); err != nil {
		return nil, false, err
	}
	switch code[0] {
	case 0x80: // PROTO
		version, err := m.number(1)
		if err == nil && version != 2 {
			err = fmt.Errorf("found protocol %d, 2 expected", version)
		}
		return nil, false, err
	case '.': // STOP
		values, err := m.pop(1)
		if err != nil {
			return nil, false, err
		}
		if len(m.stack) > 0 || len(m.marks) > 0 {
			return nil, false, fmt.Errorf("the pickle ends with %d values on the stack, 1 expected", len(m.stack)+1)
		}
		return values[0], true, nil
	}
	return nil, false, m.operation(code[0])
}

// number reads n bytes as a number without a sign.
func (m *machine) number(n int) (uint64, error) {
	var p [8]byte
	err := m.in.read(p[:n])
	return le(p[:n]), err
}

// operation does an operation that neither begins nor ends a pickle.
func (m *machine) operation(code byte) error {
	switch code {
	case 'N': // NONE
		return m.push(nil)
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		return m.push(code == 0x88)
	case 'K', 'M', 'J': // BININT1, BININT2, BININT
		n, err := m.number(map[byte]int{'K': 1, 'M': 2, 'J': 4}[code])
		if err != nil {
			return err
		}
		if code == 'J' {
			return m.push(int64(int32(n)))
		}
		return m.push(int64(n))
	case 0x8a: // LONG1
		size, err := m.number(1)
		if err != nil {
			return err
		}
		if size > 8 {
			return fmt.Errorf("an integer of %d bytes, at most 8 expected", size)
		}
		n, err := m.number(int(size))
		if err != nil {
			return err
		}
		if shift := 64 - 8*size; size > 0 {
			n = uint64(int64(n<<shift) >> shift)
		}
		return m.push(int64(n))
	case 'G': // BINFLOAT
		var p [8]byte
		if err := m.in.read(p[:]); err != nil {
			return err
		}
		return m.push(math.Float64frombits(binary.BigEndian.Uint64(p[:])))
	case 'X', 'T', 'U': // BINUNICODE, BINSTRING, SHORT_BINSTRING
		n, err := m.number(map[byte]int{'X': 4, 'T': 4, 'U': 1}[code])
		if err != nil {
			return err
		}
		text, err := m.in.text(int64(n))
		if err != nil {
			return err
		}
		return m.push(text)

	case 'q', 'r': // BINPUT, LONG_BINPUT
		at, err := m.number(map[byte]int{'q': 1, 'r': 4}[code])
		if err != nil {
			return err
		}
		v, err := m.last()
		if err != nil {
			return err
		}
		if len(m.memo) >= maxValues {
			return fmt.Errorf("more than %d values kept", maxValues)
		}
		m.memo[uint32(at)] = v
		return nil
	case 'h', 'j': // BINGET, LONG_BINGET
		at, err := m.number(map[byte]int{'h': 1, 'j': 4}[code])
		if err != nil {
			return err
		}
		v, ok := m.memo[uint32(at)]
		if !ok {
			return fmt.Errorf("no value was kept as %d", at)
		}
		return m.push(v)

	case '(': // MARK
		if len(m.marks) == maxMarks {
			return fmt.Errorf("more than %d lists within each other", maxMarks)
		}
		m.marks = append(m.marks, len(m.stack))
		return nil
	case ')': // EMPTY_TUPLE
		return m.push(tuple{})
	case 0x85, 0x86, 0x87: // TUPLE1, TUPLE2, TUPLE3
		values, err := m.pop(int(code - 0x84))
		if err != nil {
			return err
		}
		return m.push(tuple(values))
	case 't': // TUPLE
		values, err := m.popMark()
		if err != nil {
			return err
		}
		return m.push(tuple(values))
	case ']': // EMPTY_LIST
		return m.push(&list{})
	case 'a', 'e': // APPEND, APPENDS
		values, err := m.items(code == 'a', 1)
		if err != nil {
			return err
		}
		l, err := last[*list](m, "a list")
		if err != nil {
			return err
		}
		l.items = append(l.items, values...)
		return nil
	case '}': // EMPTY_DICT
		return m.push(&dict{})
	case 's', 'u': // SETITEM, SETITEMS
		values, err := m.items(code == 's', 2)
		if err != nil {
			return err
		}
		d, err := last[*dict](m, "a dictionary")
		if err != nil {
			return err
		}
		d.set(values)
		return nil

	case 'c': // GLOBAL
		module, err := m.in.line()
		if err != nil {
			return err
		}
		name, err := m.in.line()
		if err != nil {
			return err
		}
		g := global(module + " " + name)
		if !known(g) {
			return fmt.Errorf("found the global %.200q: only tensors in dictionaries are read, and nothing is run. "+
				"In Python, save net.state_dict() and not the net", module+"."+name)
		}
		return m.push(g)
	case 'Q': // BINPERSID
		values, err := m.pop(1)
		if err != nil {
			return err
		}
		s, err := m.f.storage(values[0])
		if err != nil {
			return err
		}
		return m.push(s)
	case 'R': // REDUCE
		values, err := m.pop(2)
		if err != nil {
			return err
		}
		v, err := m.call(values[0], values[1])
		if err != nil {
			return err
		}
		return m.push(v)
	case 'b': // BUILD: attributes, of which a dictionary's are versions of layers
		values, err := m.pop(1)
		if err != nil {
			return err
		}
		if _, err := last[*dict](m, "a dictionary"); err != nil {
			return err
		}
		if _, ok := values[0].(*dict); !ok {
			return fmt.Errorf("found attributes in %s, a dictionary expected", describe(values[0]))
		}
		return nil
	}
	return fmt.Errorf("found operation %#02x, which no state dict needs", code)
}

// items takes what is added to a list or a dictionary off the stack: one of n values, or an
// open list of such.
func (m *machine) items(one bool, n int) ([]any, error) {
	if one {
		return m.pop(n)
	}
	values, err := m.popMark()
	if err == nil && len(values)%n != 0 {
		err = fmt.Errorf("found %d keys and values, as many of each expected", len(values))
	}
	return values, err
}

// set adds keys and values by turns.
func (d *dict) set(values []any) {
	for i := 0; i < len(values); i += 2 {
		d.keys, d.values = append(d.keys, values[i]), append(d.values, values[i+1])
	}
}

// The globals that are known beside classes of storages.
const (
	orderedDict      global = "collections OrderedDict"
	rebuildTensor    global = "torch._utils _rebuild_tensor" // before PyTorch 0.4
	rebuildTensorV2  global = "torch._utils _rebuild_tensor_v2"
	rebuildParameter global = "torch._utils _rebuild_parameter"
)

// known reports whether something is done for a global.
func known(g global) bool {
	switch g {
	case orderedDict, rebuildTensor, rebuildTensorV2, rebuildParameter:
		return true
	}
	class, ok := strings.CutPrefix(string(g), "torch ")
	return ok && strings.HasSuffix(class, "Storage") && !strings.ContainsAny(class, ". ")
}

// call returns what a global makes of arguments.
func (m *machine) call(f, arguments any) (any, error) {
	g, ok := f.(global)
	if !ok {
		return nil, fmt.Errorf("found %s where a function is called", describe(f))
	}
	args, ok := arguments.(tuple)
	if !ok {
		return nil, fmt.Errorf("found %s as the arguments of %s, a tuple expected", describe(arguments), g)
	}
	switch {
	case g == orderedDict:
		return newDict(args)
	case g == rebuildTensor && len(args) == 4, g == rebuildTensorV2 && (len(args) == 6 || len(args) == 7):
		return newView(args)
	case g == rebuildParameter && len(args) == 3:
		if v, ok := args[0].(*view); ok {
			return v, nil
		}
		return nil, fmt.Errorf("found a parameter of %s, a tensor expected", describe(args[0]))
	}
	return nil, fmt.Errorf("found a call of %s with %d arguments", g, len(args))
}

// newDict returns an ordered dictionary of no items, or of a list of lists of two, as Python 2
// wrote them.
func newDict(args tuple) (*dict, error) {
	d := &dict{}
	if len(args) == 0 {
		return d, nil
	}
	items, ok := args[0].(*list)
	if len(args) > 1 || !ok {
		return nil, fmt.Errorf("found a call of %s with %s, a list of keys and values expected", orderedDict, describe(args))
	}
	for _, item := range items.items {
		pair, ok := item.(*list)
		if !ok || len(pair.items) != 2 {
			return nil, fmt.Errorf("found %s in a list of keys and values, a list of 2 expected", describe(item))
		}
		d.set(pair.items)
	}
	return d, nil
}
