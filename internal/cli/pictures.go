package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/dataset/files"
	classfolders "github.com/onehot-go/onehot/dataset/folder"
	"github.com/onehot-go/onehot/dataset/manifest"
	"github.com/onehot-go/onehot/dataset/pixels"
	"github.com/onehot-go/onehot/dataset/shards"
	"github.com/onehot-go/onehot/picture"
	"github.com/onehot-go/onehot/transform"
)

// ownPictures are the files at a path of the user's, whose pictures have not been read yet.
type ownPictures struct {
	*files.List
	name string // what they are called: "photos" of /home/me/photos.zip
}

// listPictures returns the files at the path that the settings name, all of which are in formats that
// are decoded.
func (s *settings) listPictures(ctx context.Context) (*ownPictures, error) {
	p, err := s.findPictures(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.ConvertError(); err != nil {
		return nil, err
	}
	if len(p.Files) == 0 {
		return nil, fmt.Errorf("%s: no pictures in it", s.Data)
	}
	return p, nil
}

// findPictures returns the files at the path that the settings name, whatever they are.
func (s *settings) findPictures(ctx context.Context) (*ownPictures, error) {
	info, err := os.Stat(s.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !strings.Contains(s.Data, "{"): // a pattern of shards is no name of a file
		return nil, usagef("data %s: no such file or folder, and no data set: %s, or the path of pictures expected%s",
			s.Data, strings.Join(datasetNames(), ", "), meant(s.Data, datasetNames()))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	p := &ownPictures{name: dataName(s.Data)}
	switch {
	case s.PathColumn != "":
		p.List, err = manifest.Open(ctx, s.Data, manifest.Columns{Path: s.PathColumn, Label: s.LabelColumn, Separator: s.LabelSeparator, Split: s.SplitColumn, Group: s.GroupColumn})
	case err == nil && info.IsDir():
		p.List, err = classfolders.Open(ctx, s.Data, classfolders.Options{Nested: s.Nested, AllowEmpty: s.AllowEmpty})
	case slices.Contains(listEndings, strings.ToLower(filepath.Ext(s.Data))):
		return nil, usagef("data %s: --path-column expected, with the name of the column that has the files", s.Data)
	default:
		p.List, err = shards.Open(ctx, s.Data, classfolders.Options{Nested: s.Nested, AllowEmpty: s.AllowEmpty})
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// The endings of the names of lists, and those that say how files are packed, not what they are.
var (
	listEndings    = []string{".csv", ".tsv", ".jsonl"}
	archiveEndings = append([]string{".zip", ".tar", ".gz", ".tgz"}, listEndings...)
)

// dataName returns what the data at path are called: its last element, of a pattern the part before
// the numbers, without what says how files are packed.
func dataName(path string) string {
	if whole, err := filepath.Abs(path); err == nil { // of "." too
		path = whole
	}
	name, _, _ := strings.Cut(filepath.Base(path), "{")
	for slices.Contains(archiveEndings, strings.ToLower(filepath.Ext(name))) {
		name = strings.TrimSuffix(name, filepath.Ext(name))
	}
	if name = strings.Trim(name, "-_."); name == "" || name == string(filepath.Separator) {
		return "pictures"
	}
	return name
}

// hasPart reports whether the files themselves say which are of the part.
func (p *ownPictures) hasPart(part string) bool {
	return slices.ContainsFunc(p.Files, func(f files.File) bool { return f.Part == part })
}

// looked is how many pictures are looked at before it is decided how all are prepared.
const looked = 32

// look returns the usual shorter side of the pictures, the median of some that are spread evenly over
// the training files, and whether all that were seen are grey. The error says that none is a picture.
func (p *ownPictures) look(ctx context.Context) (side int, grey bool, err error) {
	var training, wanted []int
	for i, f := range p.Files {
		if f.Part == "" || f.Part == files.Train {
			training = append(training, i)
		}
	}
	for k := range min(looked, len(training)) {
		wanted = append(wanted, training[k*len(training)/min(looked, len(training))])
	}
	grey = true
	var sides []int
	for c, err := range p.Contents(ctx, wanted) {
		if err != nil {
			return 0, false, err
		}
		if c.Err != nil {
			continue
		}
		file, err := picture.Parse(c.Data, picture.Limits{})
		if err != nil {
			continue
		}
		sides = append(sides, min(file.Size().X, file.Size().Y))
		if grey {
			img, _, err := file.Decode(ctx)
			grey = err != nil || pixels.IsGrey(img)
		}
	}
	if err := ctx.Err(); err != nil {
		return 0, false, err
	}
	if len(sides) == 0 {
		return 0, false, fmt.Errorf("%s: none of the %d files looked at is a picture that can be read", p.Root, len(wanted))
	}
	slices.Sort(sides)
	return max(sides[len(sides)/2], 1), grey, nil
}

// ownedSize is the greatest size of pictures that a net takes if nothing else is said.
const ownedSize = 64

// settle sets what the command line, which has the flags given, and a run's settings that were adopted
// leave open of how pictures become parts, and how they are prepared.
func (s *settings) settle(ctx context.Context, given, adopted map[string]bool, p *ownPictures) error {
	for _, part := range []struct {
		name  string
		value *amount
		drawn amount // if nothing is said
	}{{files.Val, &s.Val, share(0.2)}, {files.Test, &s.Test, amount{}}} {
		switch there := p.hasPart(part.name); {
		case there && given[part.name]:
			return usagef("--%s %s: %s has pictures of this part already", part.name, part.value, s.Data)
		case there:
			*part.value = amount{}
		case !given[part.name] && !adopted[part.name]:
			*part.value = part.drawn
		}
	}
	if s.Fit == "" {
		s.Fit = "crop"
	}
	if s.Size > 0 && s.Color != "" && s.Color != "auto" {
		return nil
	}
	side, grey, err := p.look(ctx)
	if err != nil {
		return err
	}
	if s.Size == 0 {
		s.Size = min(side, ownedSize)
	}
	switch {
	case s.Color != "" && s.Color != "auto":
	case grey:
		s.Color = "auto" // all pictures will say
	default:
		s.Color = "rgb"
	}
	return nil
}

// load returns the pixels of all files, prepared for what the settings say a net takes. If all
// pictures that were looked at are grey but others are not, they are read in colour.
func (s *settings) load(ctx context.Context, p *ownPictures, from sourceFlags, log io.Writer) (*pixels.Set, error) {
	if s.Color == "grey" {
		s.Color = "gray"
	}
	auto := s.Color == "auto"
	if auto {
		s.Color = "gray"
	}
	set, err := from.pixels(ctx, p, kept(s.preparation()), log)
	if err != nil || !auto || !coloured(p, set) {
		return set, err
	}
	set.Close()
	s.Color = "rgb"
	return from.pixels(ctx, p, kept(s.preparation()), log)
}

// coloured reports whether a training picture has colours.
func coloured(p *ownPictures, set *pixels.Set) bool {
	for i, f := range set.Facts {
		if part := p.Files[i].Part; f.Err == "" && !f.Grey && (part == "" || part == files.Train) {
			return true
		}
	}
	return false
}

// preparation returns the steps from a picture to what a net takes.
func (s *settings) preparation() transform.Compose {
	if s.Pretrained != "" {
		w, err := s.preparedAs()
		if err != nil {
			panic(err) // settings are checked before
		}
		return w.Preprocess()
	}
	return preparation(s.Fit, s.Size, s.Color == "gray")
}

// pixels returns the pictures of the files, each after the steps, and says on log how far it is.
func (f sourceFlags) pixels(ctx context.Context, p *ownPictures, steps transform.Compose, log io.Writer) (*pixels.Set, error) {
	shown := newCounter(log, len(p.Files))
	defer shown.clear()
	return pixels.Load(ctx, p.List, steps, pixels.Options{
		Limit: int64(f.Cache), Workers: runtime.GOMAXPROCS(0), Comm: f.comm, Progress: func(done, _ int) { shown.count(done) },
	})
}
