package zoo

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/internal/reference"
	"github.com/onehot-go/onehot/internal/reuse"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// quick are the nets that every test run builds. ONEHOT_ZOO=all builds all: the VGGs alone have a
// thousand million numbers.
var quick = []string{"resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_b0", "efficientnet_b1"}

func built(name string) bool { return os.Getenv("ONEHOT_ZOO") == "all" || slices.Contains(quick, name) }

// named is what torchvision says of a net.
type named struct {
	net        string
	parameters int
	tensors    []string // name and sizes of each
}

// torchvisions reads what torchvision's nets are made of.
func torchvisions(t *testing.T) (all []named) {
	t.Helper()
	f, err := os.Open("testdata/tensors.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(z); lines.Scan(); {
		line := lines.Text()
		if name, count, ok := strings.Cut(line, " "); ok && !strings.Contains(name, ".") {
			parameters, err := strconv.Atoi(count)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, named{net: name, parameters: parameters})
			continue
		}
		n := &all[len(all)-1]
		n.tensors = append(n.tensors, line)
	}
	return all
}

// TestTensors compares the names and shapes of all that nets are made of with torchvision's.
func TestTensors(t *testing.T) {
	all := torchvisions(t)
	if len(all) != len(nets) {
		t.Fatalf("%d nets, %d of torchvision", len(nets), len(all))
	}
	for i, want := range all {
		if nets[i].Name != want.net {
			t.Fatalf("net %d is %s, want %s", i, nets[i].Name, want.net)
		}
		d := nets[i].Definition(ImageNet())
		costs, err := d.Costs()
		if err != nil {
			t.Errorf("%s: %v", want.net, err)
			continue
		}
		parameters := 0
		for _, c := range costs {
			parameters += c.Parameters
		}
		if parameters != want.parameters {
			t.Errorf("%s: %d parameters, want %d", want.net, parameters, want.parameters)
		}
		if !built(want.net) {
			continue
		}
		net, err := nn.Build(d.Layers, d.InputShape, random.New(0))
		if err != nil {
			t.Errorf("%s: %v", want.net, err)
			continue
		}
		var got []string
		for name, v := range nn.StateDict(net) {
			got = append(got, strings.TrimSpace(name+" "+strings.Trim(fmt.Sprint(v.Shape()), "[]")))
		}
		slices.Sort(got)
		slices.Sort(want.tensors)
		if !slices.Equal(got, want.tensors) {
			t.Errorf("%s: got\n%s\nwant\n%s", want.net, strings.Join(got, "\n"), strings.Join(want.tensors, "\n"))
		}
	}
}

// drawn overwrites x by numbers in [low, high), hashed from a name and their places as
// testdata/reference.py does.
func drawn(x *tensor.Tensor, name string, low, high float64) {
	h := fnv.New64a()
	h.Write([]byte(name))
	at := h.Sum64()
	data := tensor.Data[float32](x)
	for i := range data {
		at += 0x9e3779b97f4a7c15
		v := at
		v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
		v = (v ^ v>>27) * 0x94d049bb133111eb
		v ^= v >> 31
		data[i] = float32(low + float64((high-low)*(float64(v>>40)/(1<<24))))
	}
}

// fill draws all parameters.
func fill(net *nn.Sequential) {
	norms := map[string]bool{}
	nn.Apply(net, func(path string, m nn.Module) {
		_, norm := m.(*nn.BatchNorm2d)
		norms[path] = norm
	})
	for name, p := range net.Parameters() {
		at := strings.LastIndexByte(name, '.')
		module, kind := name[:at], name[at+1:]
		switch {
		case strings.HasSuffix(name, "bn3.weight"): // the last of a bottleneck
			drawn(p, name, 0.05, 0.15)
		case norms[module] && kind == "weight":
			drawn(p, name, 0.25, 0.75)
		case norms[module]:
			drawn(p, name, -0.5, 0.5)
		case kind == "bias":
			drawn(p, name, -0.25, 0.25)
		default:
			bound := math.Sqrt(6 / float64(p.Numel()/p.Size(0)))
			drawn(p, name, -bound, bound)
		}
	}
}

// calibrate gives the batch norms the statistics of x, without dropout.
func calibrate(net *nn.Sequential, x *tensor.Tensor) {
	nn.SetTraining(net, false)
	nn.Apply(net, func(_ string, m nn.Module) {
		if b, ok := m.(*nn.BatchNorm2d); ok {
			b.Momentum = nil
			b.SetTraining(true)
		}
	})
	net.Forward(x.NoGrad())
	nn.SetTraining(net, false)
}

// TestLogits compares what nets make of two pictures with what torchvision's do, in float64, with
// the same random weights and statistics of one batch.
func TestLogits(t *testing.T) {
	var rows []struct {
		Net    string
		Size   int
		Logits [][]float64
	}
	reference.Load(t, "testdata/reference.json", &rows)
	if len(rows) != len(nets) {
		t.Fatalf("%d nets, %d references", len(nets), len(rows))
	}
	reuse.Poison.Store(true)
	defer reuse.Poison.Store(false)
	for _, row := range rows {
		if !built(row.Net) {
			continue
		}
		t.Run(row.Net, func(t *testing.T) {
			n, err := Named(row.Net)
			if err != nil {
				t.Fatal(err)
			}
			d := n.Definition(ImageNet()[:len(row.Logits[0])])
			net, err := nn.Build(d.Layers, []int{3, row.Size, row.Size}, random.New(0))
			if err != nil {
				t.Fatal(err)
			}
			fill(net)
			batch, pictures := tensor.Empty(tensor.Float32, 4, 3, row.Size, row.Size), tensor.Empty(tensor.Float32, 2, 3, row.Size, row.Size)
			drawn(batch, "batch", -2, 2)
			drawn(pictures, "pictures", -2, 2)
			calibrate(net, batch)
			got := tensor.Values[float64](net.Forward(pictures.NoGrad()))
			want := slices.Concat(row.Logits...)
			most := 0.0
			for _, v := range want {
				most = max(most, math.Abs(v))
			}
			worst := 0.0
			for i, v := range want {
				worst = max(worst, math.Abs(got[i]-v))
			}
			t.Logf("off by %.2g of the greatest", worst/most)
			if !(worst <= 1e-4*most) {
				t.Errorf("got\n%v\nwant\n%v\nwhich differ by %g, where the greatest is %g", got, want, worst, most)
			}
		})
	}
}

// TestGradients holds that a step of training reaches all parameters, and that memory which is used
// again is not read: that would give NaN.
func TestGradients(t *testing.T) {
	reuse.Poison.Store(true)
	defer reuse.Poison.Store(false)
	for _, name := range []string{"resnet18", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0"} {
		n, err := Named(name)
		if err != nil {
			t.Fatal(err)
		}
		net, err := nn.Build(n.Definition(ImageNet()[:3]).Layers, []int{3, 64, 64}, random.New(0))
		if err != nil {
			t.Fatal(err)
		}
		nn.SetChance(net, random.New(1))
		x := tensor.Empty(tensor.Float32, 4, 3, 64, 64)
		drawn(x, "batch", -2, 2)
		net.Forward(x).CrossEntropy(tensor.New([]int64{0, 1, 2, 0})).Mean().Backward()
		for path, p := range net.Parameters() {
			g := p.Grad()
			if g == nil || !finite(g) || g.Abs().Max().Item() == 0 {
				t.Errorf("%s: %s has the gradient %v", name, path, g)
			}
		}
	}
}

// TestSizes holds that nets take pictures of the sizes that Definition's comment says.
func TestSizes(t *testing.T) {
	for _, n := range Nets() {
		least := 1
		switch {
		case n.Name == "alexnet":
			least = 63
		case strings.HasPrefix(n.Name, "vgg"):
			least = 32
		}
		layers := n.Definition(ImageNet()).Layers
		for _, size := range []int{least, least + 100} {
			if _, output, err := nn.Costs(layers, []int{3, size, size + 1}); err != nil || !slices.Equal(output, []int{1000}) {
				t.Errorf("%s: pictures of %d×%d give %v (%v)", n.Name, size, size+1, output, err)
			}
		}
		if _, _, err := nn.Costs(layers, []int{3, least - 1, least - 1}); err == nil {
			t.Errorf("%s: pictures of %d×%[2]d are taken", n.Name, least-1)
		}
	}
}
