package memory

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// ReadFile returns the content of the regular file at path. More than so many bytes are an
// error, and so is whatever is no regular file, which may have no end or wait for a writer.
func ReadFile(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		p.Op = "open" // as a caller expects
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: a regular file expected", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, min(info.Size(), most)+1)) // it may grow meanwhile
	if err == nil && int64(len(content)) > most {
		err = fmt.Errorf("%s: more than %s, at most that expected", path, Size(float64(most)))
	}
	return content, err
}
