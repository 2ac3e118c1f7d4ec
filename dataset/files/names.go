package files

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/onehot-go/onehot/internal/printable"
)

// Kind is what the extension of a name says of a file.
type Kind int

// The kinds. What a file really is, its content says when it is decoded.
const (
	Other      Kind = iota // a film, a text, anything that is no picture
	Picture                // one of the formats that are decoded
	Conversion             // HEIC or AVIF, which have to be converted first
)

// kinds has the extensions of pictures, in lower case.
var kinds = map[string]Kind{
	".png": Picture, ".apng": Picture,
	".jpg": Picture, ".jpeg": Picture, ".jpe": Picture, ".jfif": Picture,
	".gif": Picture, ".webp": Picture, ".bmp": Picture, ".dib": Picture, ".tif": Picture, ".tiff": Picture,
	".heic": Conversion, ".heif": Conversion, ".hif": Conversion, ".avif": Conversion,
}

// Extension returns the extension of a slash-separated name in lower case, with its dot, or "".
func Extension(name string) string { return strings.ToLower(path.Ext(name)) }

// KindOf returns what the extension of a name says, in any case of its letters.
func KindOf(name string) Kind { return kinds[Extension(name)] }

// IsHidden reports whether one element of a path is passed over: it begins with a dot, or is the
// folder that macOS adds to archives.
func IsHidden(element string) bool { return strings.HasPrefix(element, ".") || element == "__MACOSX" }

// ClassName returns the name of the class that a folder, or a text, stands for. It is valid UTF-8,
// as models keep it: bytes that are none are written as Go's escapes.
func ClassName(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	var b strings.Builder
	for i, r := range name {
		if _, size := utf8.DecodeRuneInString(name[i:]); r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, name[i])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// PartOf returns the part that a folder's name, or a value in a table, stands for: Train for
// train and training, Val for val, valid and validation, Test for test and testing, in any case
// of the letters. Of any other name it returns "".
func PartOf(name string) string {
	switch strings.ToLower(name) {
	case "train", "training":
		return Train
	case "val", "valid", "validation":
		return Val
	case "test", "testing":
		return Test
	}
	return ""
}

// New returns a list of those of the found files that are pictures, sorted. The others are
// counted. A picture in HEIC or AVIF beside which one of the same name is, such as 1.jpg or
// 1.heic.jpg beside 1.heic, is converted already, and is one of the others.
func New(root string, found []File) *List {
	l := &List{Root: root, Others: map[string]int{}, Convert: map[string]int{}, Passed: map[Reason]int{}}
	pictures := 0
	for _, f := range found {
		if KindOf(f.Name) == Picture {
			pictures++
		}
	}
	l.Files = make([]File, 0, pictures)
	var convert []string
	for _, f := range found {
		switch KindOf(f.Name) {
		case Picture:
			l.Files = append(l.Files, f)
		case Conversion:
			convert = append(convert, f.Name)
		default:
			l.Others[Extension(f.Name)]++
		}
	}
	slices.SortFunc(l.Files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	for _, name := range convert {
		if l.converted(name) {
			l.Others[Extension(name)]++
		} else {
			l.Convert[Extension(name)]++
		}
	}
	return l
}

// converted reports whether a picture lies beside the one of the given name that is called the
// same, before its extension.
func (l *List) converted(name string) bool {
	stem := strings.TrimSuffix(name, path.Ext(name)) + "."
	at, _ := slices.BinarySearchFunc(l.Files, stem, func(f File, stem string) int { return strings.Compare(f.Name, stem) })
	for ; at < len(l.Files) && strings.HasPrefix(l.Files[at].Name, stem); at++ {
		rest := strings.TrimPrefix(l.Files[at].Name, strings.TrimSuffix(stem, "."))
		if rest == path.Ext(rest) || strings.TrimSuffix(rest, path.Ext(rest)) == path.Ext(name) {
			return true
		}
	}
	return false
}

// ConvertError returns nil unless there are pictures in HEIC or AVIF. The error has their number
// and a command that converts those in List.Root.
func (l *List) ConvertError() error {
	if len(l.Convert) == 0 {
		return nil
	}
	total, formats := 0, map[string]bool{}
	var tests []string
	for _, ext := range slices.Sorted(maps.Keys(l.Convert)) {
		total += l.Convert[ext]
		if ext == ".avif" {
			formats["AVIF"] = true
		} else {
			formats["HEIC"] = true
		}
		tests = append(tests, "-iname '*"+ext+"'")
	}
	kind := strings.Join(slices.Sorted(maps.Keys(formats)), " and ")
	number := fmt.Sprintf("%d pictures", total)
	if total == 1 {
		number = "1 picture"
	}
	root, advice := l.Root, "convert them"
	if l.Archive != nil {
		root, advice = "FOLDER", "unpack it to FOLDER, convert them"
	}
	return fmt.Errorf(`%s: found %s in %s, which cannot be decoded: %s with  find %s -type f \( %s \) -exec heif-convert {} {}.jpg \;`,
		l.Root, number, kind, advice, quote(root), strings.Join(tests, " -o "))
}

// quote returns a path as a word of a shell that is no option.
func quote(path string) string {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	return printable.Word(path)
}

// Classes returns the classes, or the labels, of the training part, or of all files where there are no
// parts, with those in Empty; sorted byte by byte.
func (l *List) Classes() []string {
	classes := map[string]bool{}
	for _, c := range l.Empty {
		classes[c] = true
	}
	for _, f := range l.Files {
		if f.Part != Train && f.Part != "" {
			continue
		}
		for _, label := range f.LabelNames() {
			classes[label] = true
		}
	}
	return slices.Sorted(maps.Keys(classes))
}

// Labels returns for each file which of classes its class is. The error names the first file
// whose class is none of them, and the class.
func (l *List) Labels(classes []string) ([]int, error) {
	at := make(map[string]int, len(classes))
	for i, c := range classes {
		at[c] = i
	}
	labels := make([]int, len(l.Files))
	for i, f := range l.Files {
		c, ok := at[f.Class]
		if !ok {
			return nil, fmt.Errorf("%s: found the class %q, one of the %d that there is training data of expected: %s",
				printable.Name(l.Place(i)), f.Class, len(classes), some(classes))
		}
		labels[i] = c
	}
	return labels, nil
}

// some names up to ten of the given names.
func some(names []string) string {
	const most = 10
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}
