// Command deploy reads the files of docs/deploy as those do that they are for: a Dockerfile by
// BuildKit's parser, and manifests of Kubernetes into its own types, in which every field must be.
//
//	go run . FOLDER
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	strict "sigs.k8s.io/yaml"
)

func main() {
	folder := os.Args[1]
	err := dockerfile(filepath.Join(folder, "Dockerfile"))
	for name, kinds := range map[string][]string{"kubernetes.yaml": {"Deployment", "Service"}, "score-job.yaml": {"Job"}, "score-jobset.yaml": {"JobSet"}, "train-mpijob.yaml": {"MPIJob"}} {
		err = errors.Join(err, kubernetes(filepath.Join(folder, name), kinds))
	}
	if err != nil {
		log.Fatal(err)
	}
}

// jobSet is what a JobSet of jobset.x-k8s.io/v1alpha2 has here.
type jobSet struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		ReplicatedJobs []struct {
			Name      string                  `json:"name"`
			Template  batchv1.JobTemplateSpec `json:"template"`
			DependsOn []struct {
				Name   string `json:"name"`
				Status string `json:"status"`
			} `json:"dependsOn"`
		} `json:"replicatedJobs"`
	} `json:"spec"`
}

// mpiJob is what an MPIJob of kubeflow.org/v2beta1 has here.
type mpiJob struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		SlotsPerWorker         int32  `json:"slotsPerWorker"`
		SSHAuthMountPath       string `json:"sshAuthMountPath"`
		LauncherCreationPolicy string `json:"launcherCreationPolicy"`
		RunPolicy              struct {
			CleanPodPolicy string `json:"cleanPodPolicy"`
			BackoffLimit   int32  `json:"backoffLimit"`
		} `json:"runPolicy"`
		MPIReplicaSpecs struct {
			Launcher, Worker struct {
				Replicas      int32                  `json:"replicas"`
				RestartPolicy string                 `json:"restartPolicy"`
				Template      corev1.PodTemplateSpec `json:"template"`
			}
		} `json:"mpiReplicaSpecs"`
	} `json:"spec"`
}

func dockerfile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	parsed, err := parser.Parse(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(stages) != 2 || stages[1].BaseName != "scratch" {
		return fmt.Errorf("%s: found %d stages, two expected, the second from scratch", path, len(stages))
	}
	return nil
}

// kubernetes reads the manifests of the given kinds, in their order, in the file at path.
func kubernetes(path string, want []string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	documents := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(text)))
	defer documents.Close()
	var kinds []string
	buffer := make([]byte, len(text))
	for {
		n, err := documents.Read(buffer)
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		var of metav1.TypeMeta
		if err := strict.Unmarshal(buffer[:n], &of); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		var into any
		switch of {
		case metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}:
			into = new(appsv1.Deployment)
		case metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}:
			into = new(corev1.Service)
		case metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}:
			into = new(batchv1.Job)
		case metav1.TypeMeta{APIVersion: "jobset.x-k8s.io/v1alpha2", Kind: "JobSet"}:
			into = new(jobSet)
		case metav1.TypeMeta{APIVersion: "kubeflow.org/v2beta1", Kind: "MPIJob"}:
			into = new(mpiJob)
		default:
			return fmt.Errorf("%s: found a %s of %s, one of %v expected", path, of.Kind, of.APIVersion, want)
		}
		if err := strict.UnmarshalStrict(buffer[:n], into); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		kinds = append(kinds, of.Kind)
	}
	if !slices.Equal(kinds, want) {
		return fmt.Errorf("%s: found %v, %v expected", path, kinds, want)
	}
	return nil
}
