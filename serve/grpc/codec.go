package grpc

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// codec reads and writes messages, but reads none of too many fields: two bytes of a message may
// become a hundred in memory.
type codec struct{}

// Name is what gRPC calls the format.
func (codec) Name() string { return "proto" }

func (codec) Marshal(m any) ([]byte, error) { return proto.Marshal(m.(proto.Message)) }

func (codec) Unmarshal(b []byte, m any) error {
	if n := countFields(b, inputs, maxFields); n > maxFields {
		return fmt.Errorf("found more than %d fields, at most that expected", maxFields)
	}
	return proto.Unmarshal(b, m.(proto.Message))
}

// maxFields is the most fields of a request: some for each column of a table, or an element each where
// these are not packed.
const maxFields = 1 << 18

// part says which fields of a message are messages whose fields count, and which of theirs.
type part map[protowire.Number]part

// inputs are those of a ModelInferRequest. In other requests there is nothing in these places.
var inputs = part{4: {}, 5: {4: {}, 5: {}}, 6: {2: {}}}

// countFields counts the fields of a message and of its parts, until there are more than the most. What
// is broken is left to proto.Unmarshal.
func countFields(b []byte, of part, most int) int {
	n := 0
	for len(b) > 0 && n <= most {
		number, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return n
		}
		b = b[size:]
		n++
		if size = protowire.ConsumeFieldValue(number, kind, b); size < 0 {
			return n
		}
		if inner := of[number]; inner != nil && kind == protowire.BytesType {
			message, _ := protowire.ConsumeBytes(b)
			n += countFields(message, inner, most-n)
		}
		b = b[size:]
	}
	return n
}
