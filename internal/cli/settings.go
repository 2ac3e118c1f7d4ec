package cli

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/calibrate"
)

// settings are what a run's result depends on: with the same data and program they give
// the same weights. In JSON they are named as the flags, with underscores.
type settings struct {
	Data        string   `json:"data" arg:"" optional:"" default:"fashion-mnist" help:"A data set, ${datasets} (default ${default}), or the path of your own pictures: a folder of class folders, or of train, val and test folders with them; an archive; shards; with --path-column a list; with --label-column alone a table."`
	Model       string   `json:"model" default:"softmax" enum:"${models}" group:"Model" help:"Architecture: ${enum}. Where your own pictures are too few for the usual batches and epochs, others are chosen, and AdamW, unless --lr or --optimizer is given."`
	Hidden      []int    `json:"hidden" default:"256" placeholder:"SIZES" group:"Model" help:"Hidden layer sizes of an mlp, as in 256,64,16 (default 256)."`
	Recipe      string   `json:"recipe" default:"" enum:",${recipes}" placeholder:"NAME" group:"Training" help:"Settings that go well together, each to be overridden by its flag: fast (half a minute on two cores, for Fashion-MNIST) or best (ten minutes)."`
	Epochs      int      `json:"epochs" default:"5" group:"Training" help:"Times to go over the training data; 0 measures the untrained model."`
	MaxTime     duration `json:"max_time" default:"0s" placeholder:"TIME" group:"Training" help:"In place of --epochs: how long the command may take, as in 3m or 90s. --schedule cosine and one-cycle go by the time. Results depend on the machine's speed."`
	Val         amount   `json:"val" default:"0" placeholder:"N|SHARE" group:"Training" help:"Training samples to hold out, so many or a share as in 0.15 or 15%, of each class its part: they choose the best epoch, and the test data are read once, at the end. 0 trains on all; your own pictures without a test part are then not measured."`
	Monitor     string   `json:"monitor,omitempty" default:"" enum:",${monitors}" placeholder:"FIGURE" group:"Training" help:"By what the best epoch is chosen: ${monitors} (default accuracy). The mean F1 of all classes counts rare ones as much as others."`
	EarlyStop   int      `json:"early_stop" default:"0" placeholder:"EPOCHS" group:"Training" help:"End the run after so many epochs without a better one, by --monitor, on the samples of --val; 0 for never."`
	Calibrate   string   `json:"calibrate,omitempty" default:"" enum:",${calibrations}" placeholder:"METHOD" group:"Training" help:"Make the best model's probabilities ones that can be taken at their word, on the samples of --val: temperature divides all logits by one number, platt fits a curve, for two classes. It is part of the saved model."`
	BatchSize   int      `json:"batch_size" default:"256" group:"Training" help:"Samples of a training step."`
	Shards      int      `json:"shards,omitempty" default:"0" placeholder:"N" group:"Training" help:"Fixed parts of a batch, for several ranks: results depend on their number, and not on that of the ranks, at most as many (default 1, and 16 with several ranks). A batch norm sees a part, of at least 16 samples."`
	LR          float64  `json:"lr" name:"lr" default:"0" placeholder:"RATE" group:"Training" help:"Learning rate (default 0.1 for sgd, 0.001 for adam and adamw, 0.01 for rmsprop and adagrad; 1 for lbfgs, where it is what the search for a step begins with)."`
	Optimizer   string   `json:"optimizer" default:"sgd" enum:"${optimizers}" group:"Training" help:"Optimizer: ${enum}. The last fits softmax regression to all samples at once, and an epoch is one of its iterations."`
	Momentum    float64  `json:"momentum" default:"0" group:"Training" help:"Share of the last step that the next one keeps, for sgd and rmsprop."`
	Nesterov    bool     `json:"nesterov" group:"Training" help:"Look a step of the momentum ahead, for sgd."`
	WeightDecay float64  `json:"weight_decay" default:"0" group:"Regularisation" help:"Strength of the pull of weights towards 0 (default 0, and 0.01 for adamw)."`
	L2          float64  `json:"l2" name:"l2" default:"0" placeholder:"LAMBDA" group:"Regularisation" help:"For lbfgs: adds LAMBDA/2 times the sum of the squared weights, without biases, to the mean loss. It is 1/(C*samples) for scikit-learn's C, and what --weight-decay is to plain sgd, which pulls the biases too."`
	C           float64  `json:"C,omitzero" name:"C" default:"0" placeholder:"C" group:"Regularisation" help:"For a table's softmax regression: the inverse strength of the penalty, as scikit-learn's C (default 1)."`
	Penalty     string   `json:"penalty,omitempty" default:"" enum:",${penalties}" placeholder:"WHICH" group:"Regularisation" help:"For a table's softmax regression: ${penalties} (default l2). l1 makes coefficients 0."`
	L1Ratio     float64  `json:"l1_ratio,omitzero" name:"l1-ratio" default:"0" placeholder:"SHARE" group:"Regularisation" help:"Share of l1 in --penalty elasticnet (default 0.5)."`
	ClipNorm    float64  `json:"clip_norm" default:"0" group:"Training" help:"Greatest norm of all gradients together; 0 for any."`

	Schedule   string  `json:"schedule" default:"constant" enum:"${schedules}" group:"Learning rate" help:"How the learning rate goes: ${enum}. The momentum stays."`
	Warmup     int     `json:"warmup" default:"0" placeholder:"EPOCHS" group:"Learning rate" help:"Epochs in which the learning rate first rises in a straight line, from a tenth."`
	StepSize   int     `json:"step_size" default:"1" placeholder:"EPOCHS" group:"Learning rate" help:"Epochs between two steps of --schedule step (default 1)."`
	Milestones []int   `json:"milestones" placeholder:"EPOCHS" group:"Learning rate" help:"Epochs after which --schedule multi-step steps, as in 3,4."`
	Gamma      float64 `json:"gamma" default:"0.1" group:"Learning rate" help:"What a step of the schedule multiplies the learning rate by; every epoch for exponential."`
	Patience   int     `json:"patience" default:"2" group:"Learning rate" help:"Epochs without a lower loss on the data that choose the best epoch that --schedule plateau waits."`

	LabelSmoothing float64  `json:"label_smoothing" default:"0" group:"Regularisation" help:"Share of the truth that is spread over all classes."`
	ClassWeights   string   `json:"class_weights" default:"" placeholder:"WEIGHTS" group:"Regularisation" help:"Weight of each class in the loss: balanced, or a number for each, as in 1,1,2."`
	Sample         string   `json:"sample,omitempty" default:"" enum:",balanced" placeholder:"HOW" group:"Regularisation" help:"Draw training samples with replacement so that all classes come as often: balanced (default: every sample once an epoch)."`
	Dropout        float64  `json:"dropout" default:"0" group:"Regularisation" help:"Probability with which a hidden unit is dropped in training, for an mlp."`
	Augment        []string `json:"augment" placeholder:"STEPS" group:"Regularisation" help:"Random changes to training pictures, in order, each with its size if not the usual: flip:0.5 (probability), crop:2 (pixels of padding), resized-crop:0.08 (least share of the area), rotate:10 (degrees), affine:0.1 (share of the size), brightness:0.4, contrast:0.4, saturation:0.4 and hue:0.1 (most, up or down), trivial (one of 14 changes, by TrivialAugment), erase:0.25 (probability)."`
	EMA            float64  `json:"ema" name:"ema" default:"0" placeholder:"DECAY" group:"Regularisation" help:"Measure and keep the exponential moving average of the weights, of which a step keeps this share, as in 0.999; 0 for the weights themselves."`
	TTA            bool     `json:"tta" name:"tta" group:"Regularisation" help:"Measure the mean probabilities of a picture and its mirror image, as eval --tta does: also for the choice of the best epoch. It goes with --augment flip."`
	Mixup          float64  `json:"mixup" default:"0" placeholder:"ALPHA" group:"Regularisation" help:"Mix pairs of training pictures and of their labels; 0 for none, 0.2 is usual."`

	Test           amount `json:"test,omitzero" default:"0" placeholder:"N|SHARE" group:"Your own pictures" help:"Pictures to draw as test data, so many or a share, of each class its part (default none)."`
	Size           int    `json:"size,omitempty" default:"0" placeholder:"PIXELS" group:"Your own pictures" help:"Sides of the square that a net takes (default: the pictures' own, at most 64)."`
	Fit            string `json:"fit,omitempty" default:"" enum:",${fits}" placeholder:"HOW" group:"Your own pictures" help:"How a picture becomes a square: crop scales its shorter side and cuts out the middle, pad puts black beside or above and below the whole of it, squash scales each side by itself (default crop)."`
	Color          string `json:"color,omitempty" default:"" enum:",${colors}" placeholder:"WHICH" group:"Your own pictures" help:"Whether a net takes grey pictures or red, green and blue: ${colors} (default auto: grey if all training pictures are)."`
	PathColumn     string `json:"path_column,omitempty" default:"" placeholder:"NAME" group:"Your own pictures" help:"Column of a list that has the files, relative to the list."`
	LabelColumn    string `json:"label_column,omitempty" default:"" placeholder:"NAME" group:"Your own pictures" help:"Column of a list, or of a table, that has the classes. With it alone the data are a table, whose rows are the samples: CSV, TSV, JSONL, NPY or NPZ."`
	LabelSeparator string `json:"label_separator,omitempty" default:"" placeholder:"SEPARATOR" group:"Your own pictures" help:"What stands between the labels in --label-column, as in ';', where a picture or a row may have several of them, or none. A list of texts in JSONL has several by itself."`
	SplitColumn    string `json:"split_column,omitempty" default:"" placeholder:"NAME" group:"Your own pictures" help:"Column of a list or a table that says train, val or test."`
	GroupColumn    string `json:"group_column,omitempty" default:"" placeholder:"NAME" group:"Your own pictures" help:"Column of a list or a table that says what belongs together, as the pictures of one person do: it stays in one part."`
	Nested         bool   `json:"nested,omitempty" group:"Your own pictures" help:"Make classes of all levels of folders, not of the first alone."`
	AllowEmpty     bool   `json:"allow_empty,omitempty" group:"Your own pictures" help:"Take class folders without a picture."`

	NoHeader     bool     `json:"no_header,omitempty" group:"Tables" help:"The first row of a table names no columns: they are 1, 2 and so on."`
	Delimiter    string   `json:"delimiter,omitempty" default:"" placeholder:"CHARACTER" group:"Tables" help:"What separates the fields of a table, one character or tab (default: it is found)."`
	Encoding     string   `json:"encoding,omitempty" default:"" enum:",${encodings}" placeholder:"NAME" group:"Tables" help:"How the text of a table is encoded: ${encodings} (default: it is found)."`
	NA           []string `json:"na,omitempty" name:"na" placeholder:"WORDS" group:"Tables" help:"Words of a table that are missing values in every column, as in none,-. Nothing, NA, NaN, null and ? are so in columns that are no categories."`
	WeightColumn string   `json:"weight_column,omitempty" default:"" placeholder:"NAME" group:"Tables" help:"Column of a table that says how much a row counts in the fit of softmax regression, 0 or more: one of weight 2 counts as two."`
	CV           int      `json:"cv,omitzero" name:"cv" default:"0" placeholder:"FOLDS" group:"Tables" help:"Measure a table's model by cross-validation in so many folds, of each class its share and without a --group-column's group on both sides, and train on all rows at the end. Softmax regression is fitted with a path of strengths, unless --C or --l2 gives one, and --cv-rule chooses."`
	CVRule       string   `json:"cv_rule,omitempty" name:"cv-rule" default:"" enum:",${cvrules}" placeholder:"RULE" group:"Tables" help:"How --cv chooses the strength: one-se takes the strongest penalty whose loss is within one standard error of the least (default), best takes the least loss."`
	Columns      []string `json:"columns,omitempty" placeholder:"NAME=KIND" group:"Tables" help:"Of what kind a table's columns are, where that is found otherwise: numeric, category, date, boolean or ignored, as in zip=category,id=ignored."`

	Pretrained string  `json:"pretrained,omitempty" default:"" enum:",${nets}" placeholder:"NAME" group:"Pretrained nets" help:"Begin with a net of torchvision's that was trained on ImageNet's million pictures, such as resnet18 (onehot models lists them): for pictures of your own. It also says their size and how they are prepared."`
	Weights    string  `json:"weights,omitempty" default:"" placeholder:"v1|v2|FILE" group:"Pretrained nets" help:"Weights to begin with: torchvision's first (default) or second ones, from the user's cache folder, or --download fetches them; a file of safetensors or of torch.save; or a run's folder."`
	Freeze     string  `json:"freeze,omitempty" default:"" placeholder:"all|N|LAYER|none" group:"Pretrained nets" help:"What stays as it was: all but a new last layer, which is fitted at once to what the net makes of the pictures, and --cache may be taken once more to keep that (default); the first N layers, or those up to the named one, while the others are trained on; or none."`
	LRHead     float64 `json:"lr_head,omitempty" name:"lr-head" default:"0" placeholder:"RATE" group:"Pretrained nets" help:"Learning rate of the last layer, which is new (default ten times --lr)."`
	PreparedAs string  `json:"prepared_as,omitempty" kong:"-" group:"Pretrained nets"` // the version of torchvision's weights whose steps prepare pictures

	Seed    uint64  `json:"seed" default:"0" group:"Training" help:"Where all chance comes from: initial weights and the order of samples."`
	Init    string  `json:"init" default:"normal" enum:"${inits}" group:"Model" help:"How weights start: ${enum} (default normal for softmax and mlp, kaiming for lenet, and uniform, which is PyTorch's own, for cnn and resnet)."`
	InitStd float64 `json:"init_std" default:"0.01" group:"Model" help:"Standard deviation of --init normal."`
}

// What the flags of choices take.
var (
	modelNames     = architectureNames()
	optimizerNames = []string{"sgd", "adam", "adamw", "rmsprop", "adagrad", "lbfgs"}
	scheduleNames  = []string{"constant", "step", "multi-step", "exponential", "cosine", "one-cycle", "plateau"}
	initNames      = []string{"normal", "kaiming", "xavier", "uniform"}
	monitorNames   = []string{"accuracy", "macro-f1", "loss"}
	penaltyNames   = []string{"l2", "l1", "elasticnet", "none"}
	cvRules        = []string{"one-se", "best"}
)

// ownGroup is the group of flags that are for pictures of the user's own alone.
const ownGroup = "Your own pictures"

// pretrainedGroup is the group of flags about nets that were trained before.
const pretrainedGroup = "Pretrained nets"

// The ways of --fit, and the choices of --color; "grey" is another spelling of one.
var (
	fitNames   = []string{"crop", "pad", "squash"}
	colorNames = []string{"auto", "gray", "grey", "rgb"}
)

// maxCount is the most that flags take as a number of epochs or samples: so many epochs of
// any data set's steps can be counted.
const maxCount = 1_000_000_000

// maxFolds is the most folds of cross-validation.
const maxFolds = 1000

// byEpochs is what goes over the rows step by step, and does not fit to all of them at once.
const byEpochs = "nets, which are trained in epochs: softmax regression is fitted to all rows of a table at once"

// maxSize is the greatest side of pictures that steps are saved for.
const maxSize = 4096

// check returns what is wrong with the values. The names of choices are checked where
// they are parsed.
func (s *settings) check() error {
	for _, v := range []struct {
		flag       string
		value, min int
	}{{"--epochs", s.Epochs, 0}, {"--batch-size", s.BatchSize, 1}, {"--shards", s.Shards, 0},
		{"--warmup", s.Warmup, 0}, {"--step-size", s.StepSize, 1}, {"--patience", s.Patience, 0},
		{"--early-stop", s.EarlyStop, 0}, {"--size", s.Size, 0}} {
		if v.value < v.min {
			return usagef("%s %d: at least %d expected", v.flag, v.value, v.min)
		}
		if v.value > maxCount {
			return usagef("%s %d: at most %d expected", v.flag, v.value, maxCount)
		}
	}
	if s.Size > maxSize {
		return usagef("--size %d: at most %d expected", s.Size, maxSize)
	}
	if len(s.Hidden) == 0 {
		return usagef("--hidden: at least one size expected")
	}
	for _, h := range s.Hidden {
		if h < 1 {
			return usagef("--hidden %d: sizes of at least 1 expected", h)
		}
	}
	for _, v := range []struct {
		flag  string
		value float64
	}{{"--lr", s.LR}, {"--weight-decay", s.WeightDecay}, {"--l2", s.L2}, {"--init-std", s.InitStd},
		{"--C", s.C}, {"--clip-norm", s.ClipNorm}, {"--gamma", s.Gamma}, {"--mixup", s.Mixup}, {"--lr-head", s.LRHead}} {
		if !(v.value >= 0) || math.IsInf(v.value, 0) {
			return usagef("%s %g: a number of 0 or more expected", v.flag, v.value)
		}
	}
	for _, v := range []struct {
		flag  string
		value float64
	}{{"--momentum", s.Momentum}, {"--label-smoothing", s.LabelSmoothing}, {"--dropout", s.Dropout}, {"--ema", s.EMA}} {
		if !(v.value >= 0 && v.value < 1) {
			return usagef("%s %g: a number from 0 to below 1 expected", v.flag, v.value)
		}
	}
	if !(s.L1Ratio >= 0 && s.L1Ratio <= 1) {
		return usagef("--l1-ratio %g: a number from 0 to 1 expected", s.L1Ratio)
	}
	if s.CV < 0 || s.CV == 1 || s.CV > maxFolds {
		return usagef("--cv %d: 2 to %d folds expected, or 0 for none", s.CV, maxFolds)
	}
	if s.MaxTime.Duration < 0 {
		return usagef("--max-time %s: 0s or more expected", s.MaxTime)
	}
	last := s.Warmup
	for _, m := range s.Milestones {
		if m > maxCount {
			return usagef("--milestones %d: at most %d expected", m, maxCount)
		}
		if m <= last {
			return usagef("--milestones %v: epochs after the %d of --warmup in increasing order expected", s.Milestones, s.Warmup)
		}
		last = m
	}
	if s.Schedule == "plateau" && s.Gamma >= 1 {
		return usagef("--gamma %g: below 1 expected for --schedule plateau", s.Gamma)
	}
	return s.checkCombinations()
}

// unused returns the settings that always have a value and that nothing makes use of, in
// the order of their check: the flag, and what it is for.
func (s *settings) unused() (flags [][2]string) {
	for _, c := range []struct {
		flag string
		used bool
		by   string
	}{
		{"hidden", s.Model == "mlp", "--model mlp"},
		{"batch-size", s.Optimizer != "lbfgs", "optimizers other than lbfgs"},
		{"epochs", !s.fits(), byEpochs},
		{"lr", !s.fits(), byEpochs},
		{"init", !s.fits(), byEpochs},
		{"init-std", !s.fits(), byEpochs},
		{"epochs", !s.probes(), fineTuning},
		{"gamma", slices.Contains([]string{"step", "multi-step", "exponential", "plateau"}, s.Schedule), "--schedule step, multi-step, exponential or plateau"},
		{"step-size", s.Schedule == "step", "--schedule step"},
		{"patience", s.Schedule == "plateau", "--schedule plateau"},
		{"init-std", s.Init == "normal", "--init normal"},
	} {
		if !c.used {
			flags = append(flags, [2]string{c.flag, c.by})
		}
	}
	return flags
}

// checkGiven returns which of the flags on the command line has a value that nothing makes
// use of, although it is the usual one.
func (s *settings) checkGiven(given map[string]bool) error {
	for _, u := range s.unused() {
		if given[u[0]] {
			return usagef("--%s is for %s", u[0], u[1])
		}
	}
	return nil
}

// checkCombinations returns which setting another one makes no use of: it would be
// passed over in silence.
func (s *settings) checkCombinations() error {
	const (
		others  = "optimizers other than lbfgs"
		ownData = "pictures of your own"
		tables  = "tables, with --label-column"
		fits    = "softmax regression on tables, by lbfgs"
	)
	ownPictures := s.isPath() && !s.isTable()
	for _, c := range []struct {
		set  bool
		flag string
		used bool
		by   string
	}{
		{s.Momentum != 0, "--momentum", s.Optimizer == "sgd" || s.Optimizer == "rmsprop", "--optimizer sgd or rmsprop"},
		{s.L2 != 0, "--l2", s.Optimizer == "lbfgs", "--optimizer lbfgs"},
		{s.Optimizer == "lbfgs", "--optimizer lbfgs", s.Model == "softmax" || s.probes(), "--model softmax"},
		{s.Optimizer != "lbfgs", "--optimizer " + s.Optimizer, !s.probes(), fineTuning},
		{s.Pretrained != "", "--pretrained", s.isPath(), ownData},
		{s.Weights != "", "--weights", s.Pretrained != "", "--pretrained"},
		{s.Freeze != "", "--freeze", s.Pretrained != "", "--pretrained"},
		{s.LRHead != 0, "--lr-head", s.Pretrained != "" && !s.probes(), fineTuning},
		{s.TTA, "--tta", !s.probes(), fineTuning},
		{s.TTA, "--tta", s.Calibrate == "", "runs without --calibrate, which is for what predict says of one picture"},
		{s.WeightDecay != 0, "--weight-decay", s.Optimizer != "lbfgs", others + ", which has --l2"},
		{s.ClipNorm != 0, "--clip-norm", s.Optimizer != "lbfgs", others},
		{s.Shards != 0, "--shards", s.Optimizer != "lbfgs", others + ", whose parts are always the same"},
		{s.Schedule != "constant", "--schedule " + s.Schedule, s.Optimizer != "lbfgs", others},
		{s.Warmup > 0, "--warmup", s.Optimizer != "lbfgs", others},
		{s.LabelSmoothing != 0, "--label-smoothing", s.Optimizer != "lbfgs", others},
		{s.ClassWeights != "", "--class-weights", s.Optimizer != "lbfgs" || s.fits(), others},
		{s.C != 0, "--C", s.fits(), fits},
		{s.C != 0, "--C", s.L2 == 0, "fits without --l2, which says the same in another way"},
		{s.C != 0 || s.L2 != 0, "--C or --l2", s.Penalty != "none", "penalties other than none"},
		{s.Penalty != "", "--penalty", s.fits(), fits},
		{s.L1Ratio != 0, "--l1-ratio", s.Penalty == "elasticnet", "--penalty elasticnet"},
		{s.WeightColumn != "", "--weight-column", s.fits(), fits},
		{s.CV != 0, "--cv", s.isTable(), tables},
		{s.CV != 0, "--cv", s.MaxTime.Duration == 0, "runs without --max-time"},
		{s.CV != 0, "--cv", s.Schedule != "plateau" && s.EarlyStop == 0 && s.Monitor == "", "runs without --schedule plateau, --early-stop and --monitor"},
		{s.CVRule != "", "--cv-rule", s.CV != 0 && s.Penalty != "none" && s.fits() && s.C == 0 && s.L2 == 0, "--cv with a path of strengths, of softmax regression without --C, --l2 and --penalty none"},
		{s.Sample != "", "--sample", s.Optimizer != "lbfgs", others},
		{len(s.Augment) > 0, "--augment", s.Optimizer != "lbfgs" || s.probes(), others},
		{s.probes() && len(s.Augment) > 0, "--augment " + strings.Join(s.Augment, ","), slices.Equal(s.Augment, []string{"flip"}), fineTuning + "; without, flip is known, which adds mirror images"},
		{s.Mixup != 0, "--mixup", s.Optimizer != "lbfgs", others},
		{s.EMA != 0, "--ema", s.Optimizer != "lbfgs", others},
		{s.MaxTime.Duration > 0, "--max-time", s.Optimizer != "lbfgs", others},
		{s.MaxTime.Duration > 0, "--max-time", s.Epochs == 0, "runs without --epochs"},
		{s.Warmup > 0, "--warmup", s.MaxTime.Duration == 0, "runs without --max-time"},
		{s.EarlyStop > 0, "--early-stop", !s.Val.None() || s.isPath(), "runs with --val"},
		{s.Nesterov, "--nesterov", s.Optimizer == "sgd" && s.Momentum > 0, "--optimizer sgd with --momentum"},
		{s.Dropout != 0, "--dropout", s.Model == "mlp", "--model mlp"},
		{!s.Test.None(), "--test", s.isPath(), ownData},
		{s.Size > 0, "--size", ownPictures, ownData},
		{s.Fit != "", "--fit", ownPictures, ownData},
		{s.Color != "", "--color", ownPictures, ownData},
		{s.PathColumn != "", "--path-column", s.isPath(), ownData},
		{s.PathColumn != "", "--path-column", s.LabelColumn != "", "lists with their classes in a --label-column"},
		{s.LabelColumn != "", "--label-column", s.PathColumn != "" || s.isTable(), "lists, with --path-column, and tables"},
		{s.LabelSeparator != "", "--label-separator", s.LabelColumn != "", "lists and tables, with --label-column"},
		{s.SplitColumn != "", "--split-column", s.PathColumn != "" || s.isTable(), "lists, with --path-column, and tables, with --label-column"},
		{s.GroupColumn != "", "--group-column", s.PathColumn != "" || s.isTable(), "lists, with --path-column, and tables, with --label-column"},
		{s.NoHeader, "--no-header", s.isTable(), tables},
		{s.Delimiter != "", "--delimiter", s.isTable(), tables},
		{s.Encoding != "", "--encoding", s.isTable(), tables},
		{len(s.NA) > 0, "--na", s.isTable(), tables},
		{len(s.Columns) > 0, "--columns", s.isTable(), tables},
		{len(s.Augment) > 0, "--augment", !s.isTable(), "pictures"},
		{s.TTA, "--tta", !s.isTable(), "pictures"},
		{s.Pretrained != "", "--pretrained", !s.isTable(), ownData},
		{s.Nested, "--nested", ownPictures && s.PathColumn == "", "folders of pictures"},
		{s.AllowEmpty, "--allow-empty", ownPictures && s.PathColumn == "", "folders of pictures"},
		{len(s.Milestones) > 0, "--milestones", s.Schedule == "multi-step", "--schedule multi-step"},
		{s.Schedule == "multi-step", "--schedule multi-step", len(s.Milestones) > 0, "runs with --milestones"},
		{s.Warmup > 0, "--warmup", s.Schedule != "one-cycle" && s.Schedule != "plateau", "schedules other than one-cycle and plateau"},
	} {
		if c.set && !c.used {
			return usagef("%s is for %s", c.flag, c.by)
		}
	}
	return nil
}

// checkUnmeasured returns which setting needs measuring, of a run without anything to measure on.
func (s *settings) checkUnmeasured() error {
	for _, c := range []struct {
		set  bool
		flag string
	}{
		{s.Epochs == 0 && s.MaxTime.Duration == 0, "--epochs 0"}, {s.Monitor != "", "--monitor"}, {s.EarlyStop > 0, "--early-stop"},
		{s.Schedule == "plateau", "--schedule plateau"}, {s.TTA, "--tta"}, {s.Calibrate != "", "--calibrate"},
	} {
		if c.set {
			return usagef("%s is for runs that are measured: %s has no validation or test pictures, --val or --test expected", c.flag, s.Data)
		}
	}
	return nil
}

// checkSaved is check for settings that were read from a file, where no parser has seen the
// names of choices.
func (s *settings) checkSaved() error {
	for _, c := range []struct {
		name, value string
		choices     []string
	}{
		{"monitor", s.Monitor, append(monitorNames, "")}, {"calibrate", s.Calibrate, append(calibrate.Methods, "")}, {"sample", s.Sample, []string{"balanced", ""}},
		{"fit", s.Fit, append(fitNames, "")}, {"color", s.Color, append(colorNames, "")}, {"model", s.Model, s.models()}, {"optimizer", s.Optimizer, optimizerNames},
		{"penalty", s.Penalty, append(penaltyNames, "")}, {"cv_rule", s.CVRule, append(cvRules, "")},
		{"schedule", s.Schedule, scheduleNames}, {"init", s.Init, initNames}, {"recipe", s.Recipe, append(recipeNames(), "")},
	} {
		if !slices.Contains(c.choices, c.value) {
			return fmt.Errorf("%s: found %q, one of %s expected", c.name, c.value, strings.Join(c.choices, ", "))
		}
	}
	if s.Pretrained != "" {
		if _, err := s.preparedAs(); err != nil {
			return err
		}
	}
	if err := s.check(); err != nil {
		return fmt.Errorf("%s", err) // of the file, not of the command line
	}
	return nil
}

// isPath reports whether the data are at a path, and no data set that the program knows by name.
func (s *settings) isPath() bool { return !slices.Contains(datasetNames(), s.Data) }

// plannedToTheEnd reports whether the learning rate depends on the number of epochs.
func (s *settings) plannedToTheEnd() bool { return s.Schedule == "cosine" || s.Schedule == "one-cycle" }

// byFlag returns every setting as its flag takes it, by the name of the flag; "none" is no
// value.
func (s settings) byFlag() map[string]string {
	values := map[string]string{}
	for field, v := range reflect.ValueOf(s).Fields() {
		values[flagName(field)] = cmp.Or(flagValue(v), "none")
	}
	return values
}
