package shards

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/dataset/internal/reading"
	"github.com/onehot-go/onehot/picture"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/transform"
)

// Stream is the samples of WebDataset's shards, tar or tar.gz, as they are read from the first
// byte to the last: for data that are larger than any memory or cache. The files of a sample stand
// one behind the other in a shard.
//
// The order of the shards, and that of samples within Buffer, is a function of Key and the
// epoch. Each sample comes once an epoch. An error names the shard and the sample's key: of a
// sample without a picture or a class, or with two, of a class that is none of ClassNames, of a
// picture that cannot be decoded.
type Stream struct {
	Paths []string // the shards' files
	// ClassNames are the classes. A number in a shard stands for the name in classnames.txt or
	// classes.txt beside it, if there is one, and else for that which is the same number, or
	// lastly for ClassNames[number].
	ClassNames []string
	// Transform is applied to every picture; nil leaves it the image that it is.
	Transform transform.Transform
	// Buffer is how many samples, as they are in their files, are held at most to draw the next
	// one of. They are fewer if they have more than a GiB together. 0 and 1 leave samples and
	// shards in order.
	Buffer int
	Key    random.Key
}

// maxBuffered is the most bytes of samples that are held.
const maxBuffered = 1 << 30

var (
	_ dataset.Stream   = (*Stream)(nil)
	_ dataset.Prepared = (*Stream)(nil)
)

// Classes returns ClassNames.
func (s *Stream) Classes() []string { return s.ClassNames }

// Preparations returns Transform, of pictures of any size and colour.
func (s *Stream) Preparations() []dataset.Preparation {
	return []dataset.Preparation{{Transform: s.Transform, Form: transform.Form{Shape: []int{0, 0, 0}}}}
}

// sample is one sample as its files have it.
type sample struct {
	shard, key string
	ext        string // the picture's
	data       []byte // the picture
	label      string // of the .cls, or else the .json
	wrong      error  // why that has none, with its name
	fromCls    bool
	class      int
}

// place names the sample in errors.
func (s *sample) place() string { return s.shard + ": " + s.key }

// Samples reads the shards. See dataset.Stream.
func (s *Stream) Samples(epoch int) iter.Seq2[dataset.Make, error] {
	return func(yield func(dataset.Make, error) bool) {
		paths := slices.Clone(s.Paths)
		r := s.Key.For("shards").At(epoch).Rand()
		if s.Buffer > 1 {
			r.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
		}
		at := make(map[string]int, len(s.ClassNames))
		for c, name := range s.ClassNames {
			at[name] = c
		}
		var buffer []*sample
		size := 0
		// next yields one of the samples that are held.
		next := func() bool {
			i, last := 0, len(buffer)-1
			if last > 0 {
				i = r.IntN(last + 1)
			}
			one := buffer[i]
			buffer[i], buffer[last] = buffer[last], nil
			buffer = buffer[:last]
			size -= len(one.data)
			return yield(s.make(one), nil)
		}
		for _, path := range paths {
			err := s.read(path, at, func(one *sample) bool {
				buffer = append(buffer, one)
				size += len(one.data)
				for len(buffer) > 0 && (len(buffer) >= s.Buffer || size > maxBuffered) {
					if !next() {
						return false
					}
				}
				return true
			})
			if err == errStopped {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
		for len(buffer) > 0 {
			if !next() {
				return
			}
		}
	}
}

// make returns the function that decodes a sample and applies the transform.
func (s *Stream) make(one *sample) dataset.Make {
	return func(chance random.Key) (dataset.Sample, error) {
		img, _, err := picture.Decode(context.Background(), bytes.NewReader(one.data), one.place(), picture.Limits{})
		if err != nil {
			return dataset.Sample{}, err
		}
		made := dataset.Sample{Input: transform.Input{Image: img}, Target: dataset.Class(one.class)}
		if s.Transform != nil {
			if made.Input, err = s.Transform.Apply(made.Input, chance); err != nil {
				return dataset.Sample{}, fmt.Errorf("%s: %w", one.place(), err)
			}
		}
		return made, nil
	}
}

// read calls add with the samples of a shard until it returns false: then the error is errStopped.
func (s *Stream) read(path string, at map[string]int, add func(*sample) bool) error {
	src, err := open(path)
	if err != nil {
		return err
	}
	if src.kind == isZip {
		return fmt.Errorf("%s: found a zip file, a tar or tar.gz file expected", path)
	}
	names, err := readNames(filepath.Dir(path))
	if err != nil {
		return err
	}
	var now *sample
	end := func() error {
		if now == nil || now.ext == "" && !now.fromCls && now.label == "" { // files of another kind
			return nil
		}
		if now.wrong != nil {
			return now.wrong
		}
		if err := s.finish(now, names, at); err != nil {
			return reading.Named(now.place(), err)
		}
		if !add(now) {
			return errStopped
		}
		return nil
	}
	ctx := context.Background()
	found := &scan{passed: map[files.Reason]int{}}
	err = src.walk(ctx, func(h *tar.Header, _ int64, r io.Reader) error {
		clean, err := found.see(h.Name)
		if err != nil {
			return reading.Named(path, err)
		}
		if clean == "" || !isRegular(h) {
			return nil
		}
		key, ext := split(clean)
		if now != nil && now.key != key {
			if err := end(); err != nil {
				return err
			}
			now = nil
		}
		if now == nil {
			now = &sample{shard: path, key: key}
		}
		limit := int64(maxLabel)
		isPicture := files.KindOf("."+ext) == files.Picture
		if isPicture {
			limit = files.MaxSize
		} else if !hasLabel(clean) {
			return nil
		}
		if err := tooLarge(h.Size, limit); err != nil {
			return reading.Named(path+": "+clean, err)
		}
		data, err := reading.All(ctx, r, h.Size, limit)
		if err != nil {
			return src.damaged(err)
		}
		return now.set(clean, ext, isPicture, data)
	})
	if err == nil {
		err = end()
	}
	return err
}

// set takes what a file of the sample has.
func (s *sample) set(name, ext string, isPicture bool, data []byte) error {
	switch {
	case isPicture && s.ext != "":
		return fmt.Errorf("%s: %s: found a second picture of the sample %s beside .%s, one expected", s.shard, name, s.key, s.ext)
	case isPicture:
		s.ext, s.data = ext, data
	case ext == "cls" || !s.fromCls:
		var err error
		s.fromCls = ext == "cls"
		s.label, err = labelOf(name, data)
		s.wrong = reading.Named(s.shard+": "+name, err)
	}
	return nil
}

// finish sets the class of a sample that has all its files.
func (s *Stream) finish(one *sample, names classNames, at map[string]int) error {
	switch {
	case one.ext == "":
		return errors.New("found no picture, one expected")
	case one.label == "":
		return errors.New("found no class, a .cls or a .json file expected")
	}
	name, err := names.name(one.label)
	if err != nil {
		return err
	}
	c, ok := at[name]
	if !ok && names.path == "" {
		if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < len(s.ClassNames) {
			c, ok = n, true
		}
	}
	if !ok {
		return fmt.Errorf("found the class %q, one of the %d that there are expected", name, len(s.ClassNames))
	}
	one.class = c
	return nil
}
