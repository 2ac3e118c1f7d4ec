package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/onehot-go/onehot/internal/printable"
)

// Error is why a request has no answer.
type Error struct {
	Status  int    // of HTTP: 400 and above
	Message string // one sentence

	refused string // for what reason, before anybody looked at what is asked; for metrics
}

func (e *Error) Error() string { return e.Message }

// StatusClosed is the status of requests whose clients did not wait. Only metrics and logs have it.
const StatusClosed = 499

// failf returns an error of the given status.
func failf(status int, format string, args ...any) *Error {
	return &Error{Status: status, Message: fmt.Sprintf(format, args...)}
}

// badf returns an error about what a request has in it.
func badf(format string, args ...any) *Error { return failf(http.StatusBadRequest, format, args...) }

// unknown returns the error for a model that no slot has.
func (s *Server) unknown(name string) *Error {
	var known []string
	for _, slot := range s.slots {
		known = append(known, slot.Name)
	}
	return failf(http.StatusNotFound, "found no model %.128q, one of %s expected", name, strings.Join(known, ", "))
}

// errorOf returns err as an Error whose message can be shown. What is no Error is about what a
// request has in it.
func errorOf(err error) *Error {
	e, ok := errors.AsType[*Error](err)
	switch {
	case ok && e == err:
	case ok:
		e = &Error{e.Status, err.Error(), e.refused}
	case errors.Is(err, context.DeadlineExceeded):
		e = failf(http.StatusGatewayTimeout, "the request's time is over")
	case errors.Is(err, context.Canceled):
		e = failf(StatusClosed, "the request was cancelled")
	default:
		e = badf("%v", err)
	}
	if message := printable.Message(e.Message); message != e.Message {
		e = &Error{e.Status, message, e.refused}
	}
	return e
}
