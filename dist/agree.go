package dist

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// How a rank goes on.
const (
	fine = iota
	failed
	canceled // its context is
	late     // so is its context, by its deadline
)

// Of a message of a rank that failed.
const messageBytes = 1024

// Agree tells all ranks whether one of them failed. Each calls it with its error, or nil. If one has an
// error, all return a *RankError of the first rank that has one, or of Everyone: so all end together. That of
// a context is known as such on all ranks.
func Agree(c Comm, err error) error {
	_, err = Gather(c, nil, err)
	return err
}

// Gather returns what every rank sends, by rank. If one has an error, all return a *RankError, as those of
// Agree do. A rank need not know what others send, nor what they are doing: those that fail may call Agree.
func Gather(c Comm, send []byte, err error) ([][]byte, error) {
	if c.Size() == 1 {
		return [][]byte{send}, err
	}
	head := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(statusOf(err))), uint64(len(send)))
	heads := memory(c.Size(), func(int) int { return len(head) })
	if err := c.AllGather(head, heads); err != nil {
		return nil, &CommError{err}
	}
	total, worst := 0, fine
	for _, h := range heads {
		if how := int(binary.LittleEndian.Uint64(h)); how != fine && (worst == fine || how == failed) {
			worst = how
		}
		total += int(binary.LittleEndian.Uint64(h[8:]))
	}
	if worst != fine {
		return nil, explain(c, err, worst)
	}
	recv := memory(c.Size(), func(rank int) int { return int(binary.LittleEndian.Uint64(heads[rank][8:])) })
	if total == 0 {
		return recv, nil
	}
	if err := c.AllGather(send, recv); err != nil {
		return nil, &CommError{err}
	}
	return recv, nil
}

// explain returns the error of the first rank that failed, or of the first whose context is done if none did.
func explain(c Comm, err error, worst int) error {
	message := make([]byte, messageBytes)
	if err != nil {
		copy(message[1:], err.Error())
		message[0] = byte(statusOf(err))
	}
	messages := memory(c.Size(), func(int) int { return messageBytes })
	if err := c.AllGather(message, messages); err != nil {
		return &CommError{err}
	}
	first := slices.IndexFunc(messages, func(m []byte) bool { return int(m[0]) == worst })
	rank := first
	if !slices.ContainsFunc(messages, func(m []byte) bool { return !bytes.Equal(m, messages[0]) }) {
		rank = Everyone
	}
	switch {
	case rank == Everyone || c.Rank() == first:
	case worst == canceled:
		err = context.Canceled
	case worst == late:
		err = context.DeadlineExceeded
	default:
		text, _, _ := strings.Cut(string(messages[first][1:]), "\x00")
		err = errors.New(strings.ToValidUTF8(text, ""))
	}
	return &RankError{rank, err}
}

// statusOf returns how a rank with an error, or none, goes on.
func statusOf(err error) int {
	switch {
	case err == nil:
		return fine
	case errors.Is(err, context.Canceled):
		return canceled
	case errors.Is(err, context.DeadlineExceeded):
		return late
	}
	return failed
}

// Known reports whether err is one that all ranks have: of a rank that failed, of ranks that differ, or of the connection.
func Known(err error) bool {
	_, ofRank := errors.AsType[*RankError](err)
	_, differs := errors.AsType[*DiffersError](err)
	_, lost := errors.AsType[*CommError](err)
	return ofRank || differs || lost
}

// Collect returns what every rank has, by rank, as JSON keeps it. If one has an error, all return a *RankError, as those of
// Agree do. What is not to be had as JSON is such an error.
func Collect[T any](c Comm, own T, err error) ([]T, error) {
	if c.Size() == 1 {
		return []T{own}, err
	}
	text, errText := json.Marshal(own)
	texts, err := Gather(c, text, cmp.Or(err, errText))
	if err != nil {
		return nil, err
	}
	all := make([]T, len(texts))
	for rank, text := range texts {
		if err := json.Unmarshal(text, &all[rank]); err != nil {
			return nil, &RankError{rank, err}
		}
	}
	return all, nil
}

// Share returns what rank 0 has as data, on every rank. If one has an error, all return a *RankError, as those of
// Agree do.
func Share(c Comm, data []byte, err error) ([]byte, error) {
	if c.Rank() != 0 {
		data = nil
	}
	all, err := Gather(c, data, err)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// Fact is something that has to be the same on all ranks.
type Fact struct {
	Name  string // "data"
	Value string
}

// DiffersError says that ranks cannot work together.
type DiffersError struct {
	Rank        int
	Name        string // of what differs
	Found, Want string // its value on that rank, and on rank 0
}

// Error names the rank and what differs: "rank 2: found the data 1f3a, 77b0 as on rank 0 expected".
func (e *DiffersError) Error() string {
	return fmt.Sprintf("rank %d: found the %s %s, %s as on rank 0 expected", e.Rank, e.Name, e.Found, e.Want)
}

// Compare returns nil on all ranks, or on all of them the same *DiffersError: of the first rank that has another value
// than rank 0, and the first fact that is another. All have facts of the same names. If one has an error, all
// return a *RankError, as those of Agree do.
func Compare(c Comm, facts []Fact, err error) error {
	all, err := Collect(c, facts, err)
	if err != nil {
		return err
	}
	for rank, found := range all {
		for i, f := range all[0] {
			if i >= len(found) || found[i].Name != f.Name {
				return &DiffersError{rank, "list of facts", fmt.Sprint(found), fmt.Sprint(all[0])}
			}
			if found[i].Value != f.Value {
				return &DiffersError{rank, f.Name, found[i].Value, f.Value}
			}
		}
	}
	return nil
}

// memory returns blocks of the lengths that each rank's is to have.
func memory(ranks int, length func(rank int) int) [][]byte {
	var b blocks
	return b.reserve(ranks, length)
}
