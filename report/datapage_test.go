package report

import (
	"bytes"
	"image"
	"image/color"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/onehot-go/onehot/task"
)

// TestDataPage writes a page whose every text is hostile: what it has is escaped and can be
// printed, nothing in it is a script, and its policy lets none run.
func TestDataPage(t *testing.T) {
	hostile := append(hostile, `<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'); alert(1); //`, "{{.Folder}}")
	large := image.NewRGBA(image.Rect(0, 0, 400, 200))
	for i := range large.Pix {
		large.Pix[i] = byte(i)
	}
	grey := image.NewGray(image.Rect(0, 0, 8, 8))
	grey.SetGray(1, 1, color.Gray{200})
	var html string
	for _, h := range hostile {
		p := DataPage{
			Title: h, Folder: h, Verdict: h, Numbers: []Setting{{h, h}}, Time: time.Date(2024, 5, 6, 7, 8, 0, 0, time.UTC),
			Classes: task.Table{Title: h, Header: []string{h, h}, Rows: [][]string{{h, h}}},
			Sections: []DataSection{
				{Title: h, Note: h, Items: []DataItem{{nil, h, h}, {[]image.Image{large}, h, ""}}, More: 12345},
				{Title: "pairs", Items: []DataItem{{[]image.Image{grey, large}, "a", "b"}}},
				{Title: "rows", Items: []DataItem{{[]image.Image{grey, grey, grey}, "a", "b"}}},
				{Title: "texts", Items: []DataItem{{nil, "a", "b"}}},
			},
		}
		var b, again bytes.Buffer
		if err := p.Write(&b); err != nil {
			t.Fatal(err)
		}
		if err := p.Write(&again); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
			t.Errorf("%q: the same page gives other bytes, %v", h, err)
		}
		html = b.String()
		checkPrintable(t, regexp.MustCompile(`(?s)<style>.*?</style>`).ReplaceAllString(html, ""))
		for _, never := range []string{"<script", "javascript:", "<img src=x", "alert(1)</", "https://", "http://"} {
			if strings.Contains(html, never) {
				t.Errorf("%q: %q is on the page", h, never)
			}
		}
		if n := strings.Count(html, "<img "); n != 6 || strings.Count(html, `<img src="data:image/jpeg;base64,`) != n {
			t.Errorf("%q: %d images", h, n)
		}
		if len(html) > 200_000 {
			t.Errorf("%.20q: %d bytes", h, len(html))
		}
	}
	for _, want := range []string{
		`content="default-src &#39;none&#39;; img-src data:; style-src &#39;sha256-`, `<b>{{.Folder}}</b>`, `width="112" height="56"`, `width="8" height="8"`,
		`<ul class="gallery singles">`, `<ul class="gallery pairs">`, `<ul class="gallery rows">`, `<ul class="gallery texts">`, "and 12,345 more", "6 May 2024, 07:08",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	var b bytes.Buffer
	if err := (&DataPage{Title: "nothing"}).Write(&b); err != nil || strings.Contains(b.String(), "<table") || strings.Contains(b.String(), "<h2") {
		t.Errorf("of nothing: %v, %s", err, b.String())
	}
}
