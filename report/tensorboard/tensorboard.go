// Package tensorboard writes event files: figures and pictures by step, for TensorBoard to
// show.
//
// An event file is a row of records, each a protocol buffer message of type Event behind
// its length and with CRC-32C checksums, as TensorFlow defines them:
// https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto.
package tensorboard

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"
)

// Writer writes one event file. Readers accept a file that ends within a record, so what
// was flushed stays readable whatever happens after.
type Writer struct {
	f   *os.File
	w   *bufio.Writer // it keeps the first error for the end
	now func() time.Time
}

// Create makes an event file in the folder dir, which is made if it is not there, by the
// name that TensorBoard looks for: events.out.tfevents.<seconds>.<host>.<process>.<n>,
// with the first n that is free. The files of a folder are one run to TensorBoard.
func Create(dir string) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	prefix := fmt.Sprintf("events.out.tfevents.%010d.%s.%d.", time.Now().Unix(), host, os.Getpid())
	for n := 0; ; n++ {
		f, err := os.OpenFile(filepath.Join(dir, prefix+fmt.Sprint(n)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		w := &Writer{f, bufio.NewWriter(f), time.Now}
		w.event(0, message{}.text(fileVersion, "brain.Event:2"))
		return w, nil
	}
}

// The numbers of the fields of the messages that are written.
const (
	// of Event
	wallTime    = 1 // seconds since 1970, as a double
	stepNumber  = 2
	fileVersion = 3
	summary     = 5
	sessionLog  = 7

	summaryValue  = 1 // of Summary
	sessionStatus = 1 // of SessionLog

	// of Summary.Value
	valueTag    = 1
	simpleValue = 2 // a float
	imageValue  = 4

	// of Summary.Image
	imageHeight     = 1
	imageWidth      = 2
	imageColorspace = 3
	encodedImage    = 4
)

const (
	sessionStart = 1 // of SessionLog.SessionStatus
	rgb          = 3 // of Image.colorspace
)

// AddScalar adds the point (step, value) to the curve of the given name. A slash in the
// name makes a group of what stands before it. The value is kept as a float32.
func (w *Writer) AddScalar(tag string, value float64, step int) error {
	return w.value(step, message{}.text(valueTag, tag).fixed32(simpleValue, math.Float32bits(float32(value))))
}

// AddImage adds a picture, as PNG, to those of the given name.
func (w *Writer) AddImage(tag string, picture image.Image, step int) error {
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, picture); err != nil {
		return fmt.Errorf("%s: picture %q: %w", w.f.Name(), tag, err)
	}
	return w.encodedImage(tag, encoded.Bytes(), picture.Bounds().Size(), step)
}

func (w *Writer) encodedImage(tag string, encoded []byte, size image.Point, step int) error {
	m := message{}.varint(imageHeight, uint64(size.Y)).varint(imageWidth, uint64(size.X)).varint(imageColorspace, rgb).bytes(encodedImage, encoded)
	return w.value(step, message{}.text(valueTag, tag).bytes(imageValue, m))
}

// Purge has readers forget what earlier files of the folder say of the given step and of
// those after it: a run that goes on from a checkpoint does them again.
func (w *Writer) Purge(step int) error {
	return w.event(step, message{}.bytes(sessionLog, message{}.varint(sessionStatus, sessionStart)))
}

// Flush hands all that was added to the operating system.
func (w *Writer) Flush() error { return w.w.Flush() }

// Close flushes and closes the file.
func (w *Writer) Close() error { return errors.Join(w.w.Flush(), w.f.Close()) }

func (w *Writer) value(step int, value message) error {
	return w.event(step, message{}.bytes(summary, message{}.bytes(summaryValue, value)))
}

// event writes the record of an event that says what.
func (w *Writer) event(step int, what message) error {
	seconds := float64(w.now().UnixMicro()) / 1e6
	event := message{}.fixed64(wallTime, math.Float64bits(seconds))
	if step != 0 {
		event = event.varint(stepNumber, uint64(step))
	}
	_, err := w.w.Write(record(append(event, what...)))
	return err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// record returns data as a file has it: its length and that one's checksum before it, its
// own checksum behind it.
func record(data []byte) []byte {
	r := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	r = binary.LittleEndian.AppendUint32(r, maskedCRC(r))
	r = append(r, data...)
	return binary.LittleEndian.AppendUint32(r, maskedCRC(data))
}

// maskedCRC returns data's CRC-32C, rotated and moved: the checksum of data that have
// their own checksums in them would otherwise be weak.
func maskedCRC(data []byte) uint32 {
	c := crc32.Checksum(data, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// message is a protocol buffer message. Its methods return it with a field more, and are
// called in the order of the fields' numbers.
type message []byte

// The wire types of fields.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

func (m message) key(field, wire uint64) message { return binary.AppendUvarint(m, field<<3|wire) }

func (m message) varint(field, v uint64) message {
	return binary.AppendUvarint(m.key(field, wireVarint), v)
}

func (m message) fixed64(field, v uint64) message {
	return binary.LittleEndian.AppendUint64(m.key(field, wireFixed64), v)
}

func (m message) fixed32(field uint64, v uint32) message {
	return binary.LittleEndian.AppendUint32(m.key(field, wireFixed32), v)
}

func (m message) bytes(field uint64, v []byte) message {
	return append(binary.AppendUvarint(m.key(field, wireBytes), uint64(len(v))), v...)
}

func (m message) text(field uint64, v string) message { return m.bytes(field, []byte(v)) }
