package report

import (
	"bytes"
	_ "embed"
	"html/template"
	"image"
	"image/jpeg"
	"io"
	"time"

	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/task"
)

// DataPage is what there is to say of a data set, with its pictures, as one HTML page: it needs
// no other file, no network and no JavaScript.
type DataPage struct {
	Title    string    // what the data are called
	Folder   string    // where they are
	Time     time.Time // when the page was made; zero says nothing
	Verdict  string    // a sentence on top; "" for none
	Numbers  []Setting // what stands large
	Classes  task.Table
	Sections []DataSection
}

// DataSection is pictures that have something in common.
type DataSection struct {
	Title string
	Note  string
	Items []DataItem
	More  int // items that are not shown
}

// DataItem is a picture, or several to be compared, with a text.
type DataItem struct {
	Pictures []image.Image // none of a file that cannot be decoded
	Name     string        // the file
	Detail   string
}

//go:embed page/data.html
var dataHTML string

//go:embed page/data.css
var dataCSS string

var dataTemplate = template.Must(template.New("data").Funcs(template.FuncMap{"comma": comma, "name": printable.Name, "shown": printable.Message}).Parse(dataHTML))

// dataView is a page as its template takes it.
type dataView struct {
	*DataPage
	Policy   string
	Style    template.HTML
	Sections []sectionView
}

type sectionView struct {
	DataSection
	Layout string // the class of the list, by the most pictures that an item has
	Items  []itemView
}

type itemView struct {
	DataItem
	Pictures []picture
}

// Write writes the page. The same page gives the same bytes.
func (p *DataPage) Write(w io.Writer) error {
	css := pageCSS + dataCSS
	v := dataView{
		DataPage: p, Style: template.HTML("<style>" + css + "</style>"),
		Policy: "default-src 'none'; img-src data:; style-src " + hashed(css) + "; base-uri 'none'; form-action 'none'",
	}
	for _, s := range p.Sections {
		section, most := sectionView{DataSection: s}, 0
		for _, item := range s.Items {
			shown := itemView{DataItem: item}
			for _, i := range item.Pictures {
				small, err := newThumbnail(i)
				if err != nil {
					return err
				}
				shown.Pictures = append(shown.Pictures, small)
			}
			most = max(most, len(shown.Pictures))
			section.Items = append(section.Items, shown)
		}
		section.Layout = []string{"texts", "singles", "pairs", "rows"}[min(most, 3)]
		v.Sections = append(v.Sections, section)
	}
	return dataTemplate.Execute(w, v)
}

// thumbnailQuality is of 100, JPEG's: what is wrong with a picture is to be seen.
const thumbnailQuality = 85

// newThumbnail returns the image, small, as a JPEG in the page itself.
func newThumbnail(i image.Image) (picture, error) {
	i = thumbnail(i)
	var b bytes.Buffer
	err := jpeg.Encode(&b, i, &jpeg.Options{Quality: thumbnailQuality})
	size := i.Bounds().Size()
	return picture{Source: source("image/jpeg", b.Bytes()), Width: size.X, Height: size.Y}, err
}
