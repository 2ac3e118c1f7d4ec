package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/files"
	classfolders "github.com/onehot-go/onehot/dataset/folder"
	"github.com/onehot-go/onehot/dataset/pixels"
	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// What onehot bench folder makes if it is given no folder: photographs of 500 by 375 pixels,
// of which each takes about 100 KB.
const (
	photographs       = 512
	photographClasses = 8
	photographQuality = 90
)

// passResult is how fast the pictures of a folder were made ready to train on.
type passResult struct {
	Pass     string  `json:"pass"` // "first", which decodes files, or "later"
	Pictures int     `json:"pictures"`
	Threads  int     `json:"threads"`
	Speed    float64 `json:"pictures_per_second"`
	PerCore  float64 `json:"pictures_per_second_and_core,omitempty"` // by the processor's time; 0 if the system does not say it
}

// folder measures how fast the pictures of a folder are decoded and scaled, and then made batches
// of: cut at random, mirrored, normalised.
func (c *benchCommand) folder(ctx context.Context, s streams) error {
	if len(c.Work) > 2 {
		return usagef("bench folder %s: one folder expected", strings.Join(c.Work[1:], " "))
	}
	if c.Size < 1 || c.Size > 4096 {
		return usagef("--size %d: 1 to 4096 expected", c.Size)
	}
	tensor.SetThreads(c.Threads)
	scratch, err := os.MkdirTemp("", "onehot-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	path := filepath.Join(scratch, "photographs")
	if len(c.Work) == 2 {
		path = c.Work[1]
	} else if err := writePhotographs(ctx, path); err != nil {
		return err
	}
	list, err := classfolders.Open(ctx, path, classfolders.Options{})
	if err != nil {
		return err
	}
	if len(list.Files) == 0 {
		return fmt.Errorf("%s: no pictures in it", path)
	}
	steps := kept(preparation("crop", c.Size, false))
	say := func(pass string, measure func() (int, error)) error {
		start, used := time.Now(), processorSeconds()
		n, err := measure()
		if err != nil {
			return err
		}
		r := passResult{Pass: pass, Pictures: n, Threads: parallel.Threads(), Speed: float64(n) / time.Since(start).Seconds()}
		if used = processorSeconds() - used; used > 0 {
			r.PerCore = float64(n) / used
		}
		if c.JSON {
			return json.NewEncoder(s.out).Encode(r)
		}
		perCore := ""
		if r.PerCore > 0 {
			perCore = fmt.Sprintf(", %.0f a second and core", r.PerCore)
		}
		_, err = fmt.Fprintf(s.out, "%-5s pass: %d pictures, %.0f a second%s\n", r.Pass, r.Pictures, r.Speed, perCore)
		return err
	}
	var set *pixels.Set
	defer func() {
		if set != nil {
			set.Close()
		}
	}()
	var images *dataset.Images
	err = say("first", func() (n int, err error) {
		set, err = pixels.Load(ctx, list, steps, pixels.Options{Dir: filepath.Join(scratch, "cache"), Limit: math.MaxInt64, Workers: parallel.Threads()})
		if err == nil {
			images, err = imagesOf(list, set)
		}
		return len(list.Files), err
	})
	if err != nil {
		return err
	}
	images.Transform = transform.Compose{
		transform.RandomCrop{Height: c.Size, Width: c.Size}, transform.RandomHorizontalFlip{P: 0.5}, transform.ToTensor{},
		transform.Normalize{Mean: []float32{0.485, 0.456, 0.406}, Std: []float32{0.229, 0.224, 0.225}},
	}
	const batch = 64
	batches := loader.New(images, loader.Options{BatchSize: batch, Shuffle: true, Workers: parallel.Threads()})
	for pass := range c.Repeat {
		if err := say("later", func() (n int, err error) {
			for b, err := range batches.Epoch(pass) {
				if err = cmp.Or(err, ctx.Err()); err != nil {
					return 0, err
				}
				_ = tensor.Data[float32](b.Inputs)
				n += len(b.Indices)
			}
			return n, nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// imagesOf returns the pictures of a list that could be decoded as a data set, with its classes in
// the order in which they come.
func imagesOf(list *files.List, set *pixels.Set) (*dataset.Images, error) {
	m := &dataset.Images{Name: "folder", Channels: set.Channels, Height: set.Height, Width: set.Width, Pixels: set.Pixels}
	index := map[string]int{}
	for i, f := range list.Files {
		if set.Rows[i] < 0 {
			continue
		}
		if _, ok := index[f.Class]; !ok {
			index[f.Class] = len(index)
			m.ClassNames = append(m.ClassNames, f.Class)
		}
		m.Rows, m.Labels = append(m.Rows, set.Rows[i]), append(m.Labels, index[f.Class])
	}
	if len(m.Labels) == 0 {
		return nil, fmt.Errorf("%s: none of %d files can be decoded; %s: %s", list.Root, len(list.Files), list.Place(0), set.Facts[0].Err)
	}
	return m, nil
}

// writePhotographs writes the same photographs each time, in class folders.
func writePhotographs(ctx context.Context, dir string) error {
	for class := range photographClasses {
		if err := os.MkdirAll(filepath.Join(dir, strconv.Itoa(class)), 0o755); err != nil {
			return err
		}
	}
	errs := make([]error, photographs)
	parallel.For(photographs, 1, func(lo, hi int) {
		for i := lo; i < hi && ctx.Err() == nil; i++ {
			name := filepath.Join(dir, strconv.Itoa(i%photographClasses), fmt.Sprintf("%03d.jpg", i))
			errs[i] = atomicfile.Write(name, func(w io.Writer) error {
				return jpeg.Encode(w, photograph(random.New(0).At(i)), &jpeg.Options{Quality: photographQuality})
			})
		}
	})
	return errors.Join(append(errs, ctx.Err())...)
}

// photograph returns a picture like a photograph: noise at several scales, as clouds, leaves and
// grain are, and a shape with an edge before it.
func photograph(key random.Key) image.Image {
	const width, height = 500, 375
	draw := key.Rand()
	var sums [3][]float32
	for c := range sums {
		sums[c] = make([]float32, width*height)
		for i := range sums[c] {
			sums[c][i] = 128
		}
	}
	for _, scale := range []struct {
		cells     int // across
		amplitude float32
	}{{4, 90}, {16, 50}, {64, 28}, {200, 17}} {
		across, down := scale.cells+2, scale.cells*height/width+2
		noise := make([]float32, across*down)
		for c := range sums {
			for i := range noise {
				noise[i] = scale.amplitude * float32(draw.NormFloat64())
			}
			step := float32(scale.cells) / width
			for y := range height {
				v := float32(y) * step
				row, fy := int(v), v-float32(int(v))
				for x := range width {
					u := float32(x) * step
					column, fx := int(u), u-float32(int(u))
					at := noise[row*across+column:]
					above := float32(at[0]*(1-fx)) + float32(at[1]*fx)
					below := float32(at[across]*(1-fx)) + float32(at[across+1]*fx)
					sums[c][y*width+x] += float32(above*(1-fy)) + float32(below*fy)
				}
			}
		}
	}
	middle, radius := image.Pt(100+draw.IntN(300), 80+draw.IntN(200)), 30+draw.IntN(70)
	var shade [3]float32
	for c := range shade {
		shade[c] = float32(draw.IntN(256)) - 128
	}
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		grain := 9 * float32(draw.NormFloat64())
		p := image.Pt(i%width, i/width).Sub(middle)
		inside := p.X*p.X+p.Y*p.Y < radius*radius
		var level [3]uint8
		for c := range level {
			v := sums[c][i] + grain
			if inside {
				v += shade[c]
			}
			level[c] = uint8(min(max(v, 0), 255))
		}
		img.SetRGBA(i%width, i/width, color.RGBA{level[0], level[1], level[2], 255})
	}
	return img
}
