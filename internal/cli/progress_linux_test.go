package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/onehot-go/onehot/train"
)

// pseudoTerminal returns both ends of a pseudo terminal of so many columns.
func pseudoTerminal(t *testing.T, columns int) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("this machine has no pseudo terminals: %v", err)
	}
	t.Cleanup(func() { screen.Close() })
	fd := int(screen.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)}); err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return screen, terminal
}

// TestProgressOnTerminals draws on terminals of several widths: nothing may be wrapped,
// and there are no colours.
func TestProgressOnTerminals(t *testing.T) {
	t.Setenv("TERM", "xterm")
	for columns, want := range map[int]string{
		40:  `^\repoch 1/2 loss 0\.512 acc 0\.876 \d+s left\r +\r$`,
		80:  `^\r\[=== {11}\] epoch 1/2 batch 1/2 loss 0\.512 acc 0\.876 \d{3} samples/s \d+s left\r +\r$`,
		200: `^\r\[={7} {21}\] epoch 1/2 batch 1/2 loss 0\.512 acc 0\.876 \d{3} samples/s \d+s left\r +\r$`,
	} {
		screen, terminal := pseudoTerminal(t, columns)
		p := newProgress(terminal, 0, 2, 1000, "acc")
		if p.columns == nil {
			t.Fatal("the terminal is taken for none")
		}
		p.start, p.said = p.start.Add(-time.Second), p.said.Add(-time.Second) // 500 samples a second
		p.step(train.Step{Epoch: 1, Step: 1, Steps: 2, Samples: 500, Loss: 0.51249, Score: 0.8765})
		p.clear()
		terminal.Close()
		shown, _ := io.ReadAll(screen) // it ends in an error: nobody holds the other end
		if !regexp.MustCompile(want).Match(shown) {
			t.Errorf("%d columns: got %q, want %s", columns, shown, want)
		}
		for line := range strings.SplitSeq(string(shown), "\r") {
			if len(line) >= columns {
				t.Errorf("%d columns: %q is too wide", columns, line)
			}
		}
	}
	t.Setenv("TERM", "dumb")
	if _, terminal := pseudoTerminal(t, 80); newProgress(terminal, 0, 2, 1000, "acc").columns != nil {
		t.Error("a bar on a terminal that cannot go back in a line")
	}
}

// TestTrainOnTerminal checks that the bar is off the terminal where lines are written.
func TestTrainOnTerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	screen, terminal := pseudoTerminal(t, 80)
	var shown []byte
	read := make(chan struct{})
	go func() {
		shown, _ = io.ReadAll(screen)
		close(read)
	}()
	code := run(t.Context(), tiny(tinyData(t), filepath.Join(t.TempDir(), "run"), "--epochs", "2"), terminal, terminal)
	terminal.Close()
	<-read
	if code != 0 || !regexp.MustCompile(`(?m)(^|\r)epoch 2, loss 0\.\d{4}, train acc .*\r$`).Match(shown) || strings.Contains(string(shown), "\x1b") {
		t.Errorf("exit code %d, shown %q", code, shown)
	}
}

// TestCompareOnTerminal checks that the table fits.
func TestCompareOnTerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	data, dir := tinyData(t), filepath.Join(t.TempDir(), "run")
	handRun(t, data, dir, "1,0.6,0.8,0.5,0.9,0.5,1\n")
	screen, terminal := pseudoTerminal(t, 50)
	if code := run(t.Context(), []string{"compare", dir}, terminal, io.Discard); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	text := ""
	for shown := make([]byte, 4096); !strings.Contains(text, "parameters"); {
		n, err := screen.Read(shown)
		if err != nil {
			t.Fatal(err)
		}
		text += string(shown[:n])
	}
	for line := range strings.Lines(text) {
		if len(strings.TrimRight(line, "\r\n")) > 50 {
			t.Errorf("too long: %q", line)
		}
	}
}
