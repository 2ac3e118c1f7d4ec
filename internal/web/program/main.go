//go:build js && wasm

// Program is what answers in a page without a server. It gives the page an object, onehot, with three functions:
// load takes the bytes of a model's file and says what the model takes; picture and row answer, for the bytes of a picture's file
// and for a row as JSON. What they return is JSON: {"value": ...}, or {"error": "...", "kind": "..."}. It is made by
// internal/web/gen.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"syscall/js"

	"github.com/onehot-go/onehot/internal/web/answer"
)

func main() {
	var m *answer.Model
	js.Global().Set("onehot", map[string]any{
		"load": function(func(file js.Value) (value any, err error) {
			if m, err = answer.Load(bytesOf(file)); err != nil {
				return nil, err
			}
			return m.Describe()
		}),
		"picture": function(func(file js.Value) (any, error) { return m.Picture(bytesOf(file)) }),
		"row": function(func(text js.Value) (any, error) {
			var row map[string]string
			if err := json.Unmarshal([]byte(text.String()), &row); err != nil {
				return nil, err
			}
			return m.Row(row)
		}),
	})
	select {} // the functions go on being called
}

// bytesOf returns a copy of a Uint8Array.
func bytesOf(array js.Value) []byte {
	b := make([]byte, array.Length())
	js.CopyBytesToGo(b, array)
	return b
}

// reply is what a function returns.
type reply struct {
	Value any    `json:"value,omitempty"`
	Error string `json:"error,omitempty"`
	Kind  string `json:"kind,omitempty"`
}

// function returns f as the page calls it. A panic is an error, and the program goes on.
func function(f func(js.Value) (any, error)) js.Func {
	call := func(argument js.Value) (value any, err error) {
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("internal error: %v", v)
			}
		}()
		return f(argument)
	}
	return js.FuncOf(func(_ js.Value, arguments []js.Value) any {
		var r reply
		value, err := call(arguments[0])
		if err != nil {
			r.Error = err.Error()
			if e, ok := errors.AsType[*answer.Error](err); ok {
				r.Kind = e.Kind
			}
		} else {
			r.Value = value
		}
		text, err := json.Marshal(r)
		if err != nil { // a value has numbers, texts and lists of them
			panic(err)
		}
		return string(text)
	})
}
