package checks

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	anyFence = regexp.MustCompile("(?ms)^```.*?^```$")
	codeSpan = regexp.MustCompile("`[^`\n]+`")
	heading  = regexp.MustCompile(`(?m)^#+ (.+)$`)
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// anchors returns the names by which links reach the headings of a page, as GitHub makes
// them: in lower case, with hyphens for spaces, and without punctuation.
func anchors(page string) map[string]bool {
	names := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(anyFence.ReplaceAllString(page, ""), -1) {
		names[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])] = true
	}
	return names
}

// TestLinks holds the links of all pages to files that are there, and to headings that they
// have.
func TestLinks(t *testing.T) {
	pages, err := filepath.Glob("../../*.md")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir("../../docs", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			pages = append(pages, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pages {
		page := read(t, path)
		text := codeSpan.ReplaceAllString(anyFence.ReplaceAllString(page, ""), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			to, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			if to.Scheme != "" {
				continue
			}
			target := page
			if to.Path != "" {
				file := filepath.Join(filepath.Dir(path), filepath.FromSlash(to.Path))
				if _, err := os.Stat(file); err != nil {
					t.Errorf("%s links to %s: %v", path, m[1], err)
					continue
				}
				if to.Fragment != "" {
					target = read(t, file)
				}
			}
			if to.Fragment != "" && !anchors(target)[to.Fragment] {
				t.Errorf("%s links to %s: no such heading", path, m[1])
			}
		}
	}
}

// exported returns the exported names of the package in a folder: "Name", and "Type.Name"
// for a type's methods and fields.
func exported(t *testing.T, folder string) map[string]bool {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				names[receiver(d)+d.Name.Name] = true
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.ValueSpec:
						for _, name := range spec.Names {
							names[name.Name] = true
						}
					case *ast.TypeSpec:
						names[spec.Name.Name] = true
						for _, name := range parts(spec.Type) {
							names[spec.Name.Name+"."+name.Name] = true
						}
					}
				}
			}
		}
	}
	return names
}

// parts returns the names of a struct's fields or of an interface's methods.
func parts(of ast.Expr) (names []*ast.Ident) {
	var list *ast.FieldList
	switch of := of.(type) {
	case *ast.StructType:
		list = of.Fields
	case *ast.InterfaceType:
		list = of.Methods
	default:
		return nil
	}
	for _, field := range list.List {
		names = append(names, field.Names...)
	}
	return names
}

// receiver returns "Type." for a method, and "" for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	at := d.Recv.List[0].Type
	if star, ok := at.(*ast.StarExpr); ok {
		at = star.X
	}
	if name, ok := at.(*ast.Ident); ok {
		return name.Name + "."
	}
	return ""
}

var (
	selector = regexp.MustCompile(`\b([a-z][a-z0-9]*)\.([A-Z]\w*)`)
	literal  = regexp.MustCompile(`\b([a-z][a-z0-9]*)\.([A-Z]\w*)\{(\w+: [^}]*)`)
	setting  = regexp.MustCompile(`([A-Z]\w*): `)
)

// TestFromPyTorchNamesWhatIsThere holds the right columns of the tables in from-pytorch.md,
// in both languages, to names that the packages have.
func TestFromPyTorchNamesWhatIsThere(t *testing.T) {
	packages := map[string]map[string]bool{}
	for _, folder := range []string{
		"classify", "dataset", "dataset/fashionmnist", "dataset/fashionmnist/embedded", "dataset/mnist", "dataset/table", "loader", "loss", "metric",
		"model", "nn", "optim", "random", "report", "tensor", "train", "transform",
	} {
		packages[filepath.Base(folder)] = exported(t, filepath.Join("../..", folder))
	}
	// What the page says that its variables are.
	variables := map[string][2]string{
		"x": {"tensor", "Tensor"}, "y": {"tensor", "Tensor"}, "w": {"tensor", "Tensor"}, "l": {"tensor", "Tensor"},
		"net": {"nn", "Sequential"}, "layer": {"nn", "Linear"}, "optimizer": {"optim", "Optimizer"},
		"training": {"loader", "Loader"}, "test": {"loader", "Loader"}, "batch": {"loader", "Batch"}, "data": {"dataset", "Images"},
	}
	for _, path := range []string{"../../docs/from-pytorch.md", "../../docs/zh/from-pytorch.md"} {
		found := 0
		for line := range strings.Lines(read(t, path)) {
			cells := strings.Split(line, " | ")
			if !strings.HasPrefix(line, "|") || len(cells) != 2 {
				continue
			}
			for _, code := range codeSpan.FindAllString(cells[1], -1) {
				for _, m := range selector.FindAllStringSubmatch(code, -1) {
					name := m[2]
					names, ok := packages[m[1]]
					if v, is := variables[m[1]]; is && !ok {
						names, name, ok = packages[v[0]], v[1]+"."+m[2], true
					}
					if !ok {
						continue // of the standard library
					}
					if found++; !names[name] {
						t.Errorf("%s: %s: there is no %s", path, code, m[0])
					}
				}
				for _, m := range literal.FindAllStringSubmatch(code, -1) {
					for _, field := range setting.FindAllStringSubmatch(m[3], -1) {
						if !packages[m[1]][m[2]+"."+field[1]] {
							t.Errorf("%s: %s: %s.%s has no field %s", path, code, m[1], m[2], field[1])
						}
					}
				}
			}
		}
		if found < 150 {
			t.Errorf("%s: only %d names found", path, found)
		}
	}
}

// TestArchitectureNamesWhatIsThere holds architecture.md to names that the packages have.
func TestArchitectureNamesWhatIsThere(t *testing.T) {
	found := 0
	for _, m := range goName.FindAllStringSubmatch(read(t, "../../docs/architecture.md"), -1) {
		folder := "../../" + m[1]
		if _, err := os.Stat(folder); err != nil {
			folder = "../../model/" + m[1]
		}
		if found++; !exported(t, folder)[m[2]] {
			t.Errorf("there is no %s.%s", m[1], m[2])
		}
	}
	if found < 50 {
		t.Errorf("only %d names found", found)
	}
}

var road = regexp.MustCompile("(?m)^\\| [a-z ]+ \\| .* \\| `([a-z/]+)\\.([A-Za-z0-9.]+)` \\|$")

// TestFastRoads holds that the packages have every name in the list of fast roads, and that
// the list has every operation that nn's table of fusions names.
func TestFastRoads(t *testing.T) {
	page := read(t, "../../docs/architecture.md")
	_, list, _ := strings.Cut(page, "\n## Fast roads\n")
	list, _, _ = strings.Cut(list, "\n## ")
	listed := map[string]bool{}
	for _, m := range road.FindAllStringSubmatch(list, -1) {
		if folder, name := m[1], m[2]; !exported(t, filepath.Join("../..", folder))[name] {
			t.Errorf("there is no %s.%s", folder, name)
		}
		listed[m[1]+"."+m[2]] = true
	}
	if len(listed) < 15 {
		t.Errorf("only %d fast roads found", len(listed))
	}
	fusions := regexp.MustCompile(`\}, "(\w+)", func\(x \*tensor\.Tensor`).FindAllStringSubmatch(read(t, "../../nn/fused.go"), -1)
	if len(fusions) == 0 {
		t.Error("no fusions found in nn/fused.go")
	}
	for _, m := range fusions {
		if !listed["tensor.Tensor."+m[1]] {
			t.Errorf("Tensor.%s is a fast road of nn, but the list lacks it", m[1])
		}
	}
}
