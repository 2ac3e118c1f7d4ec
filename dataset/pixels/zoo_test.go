package pixels

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestZoo loads pictures of every kind, good and broken, and compares them with Pillow's and
// torchvision's.
func TestZoo(t *testing.T) {
	const dir = "../../picture/testdata"
	data, err := os.ReadFile("testdata/zoo.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows map[string]struct {
		Transparent   bool
		Width, Height int
		Pixels        []int
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	list := listOf(t, dir)
	s := mustLoad(t, dir, four, Options{Dir: t.TempDir()})
	good := 0
	for i, file := range list.Files {
		f, row := s.Facts[i], s.Rows[i]
		if (row < 0) != (f.Err != "") {
			t.Errorf("%s: row %d, error %q", file.Name, row, f.Err)
		}
		want, ok := rows[file.Name]
		if !ok {
			continue
		}
		good++
		if row < 0 {
			t.Errorf("%s: %s", file.Name, f.Err)
			continue
		}
		deep, cmyk := strings.Contains(file.Name, "16"), file.Name == "cmyk.jpg" || file.Name == "ycck.jpg"
		if f.Width != want.Width || f.Height != want.Height || f.Transparent != want.Transparent || f.Deep != deep || f.CMYK != cmyk {
			t.Errorf("%s: got %+v, want %d by %d, transparent %v, deep %v, CMYK %v", file.Name, f, want.Width, want.Height, want.Transparent, deep, cmyk)
		}
		// Lossy formats leave decoders freedom; opacity is rounded at other places.
		tolerance := 1
		switch f.Format {
		case "jpeg":
			tolerance = 4
		case "webp":
			tolerance = 8
		}
		for k, v := range want.Pixels {
			if d := int(s.Pixels[row*48+k]) - v; max(d, -d) > tolerance {
				t.Errorf("%s: value %d is %d, want %d", file.Name, k, s.Pixels[row*48+k], v)
				break
			}
		}
	}
	if good < 80 {
		t.Errorf("%d pictures were compared, 80 expected", good)
	}
}
