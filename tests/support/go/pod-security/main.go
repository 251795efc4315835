// Judges the pods of Kubernetes manifests by the API server's own Pod Security checks.
//
// Standard input holds YAML documents; each pod template that violates the level of the first argument
// gives a line: kind/name, a tab, the violation in upstream's words. Exit code 1 when there is one.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

func podOf(document []byte) (string, *metav1.ObjectMeta, *corev1.PodSpec, error) {
	var kind metav1.PartialObjectMetadata
	if err := yaml.Unmarshal(document, &kind); err != nil {
		return "", nil, nil, err
	}
	name := kind.Kind + "/" + kind.Name
	template := func(object any, template *corev1.PodTemplateSpec) (string, *metav1.ObjectMeta, *corev1.PodSpec, error) {
		err := yaml.Unmarshal(document, object)
		return name, &template.ObjectMeta, &template.Spec, err
	}
	switch kind.Kind {
	case "Deployment":
		var object appsv1.Deployment
		return template(&object, &object.Spec.Template)
	case "StatefulSet":
		var object appsv1.StatefulSet
		return template(&object, &object.Spec.Template)
	case "DaemonSet":
		var object appsv1.DaemonSet
		return template(&object, &object.Spec.Template)
	case "Job":
		var object batchv1.Job
		return template(&object, &object.Spec.Template)
	case "Pod":
		var object corev1.Pod
		err := yaml.Unmarshal(document, &object)
		return name, &object.ObjectMeta, &object.Spec, err
	}
	return name, nil, nil, nil
}

func run(level string) (int, error) {
	parsed, err := api.ParseLevel(level)
	if err != nil {
		return 2, err
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return 2, err
	}
	code := 0
	reader := utilyaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	for {
		document, err := reader.Read()
		if err == io.EOF {
			return code, nil
		}
		if err != nil {
			return 2, err
		}
		name, meta, spec, err := podOf(document)
		if err != nil {
			return 2, fmt.Errorf("%s: %w", name, err)
		}
		if spec == nil {
			continue
		}
		checked := api.LevelVersion{Level: parsed, Version: api.LatestVersion()}
		for _, result := range evaluator.EvaluatePod(checked, meta, spec) {
			if !result.Allowed {
				fmt.Printf("%s\t%s (%s)\n", name, result.ForbiddenReason, result.ForbiddenDetail)
				code = 1
			}
		}
	}
}

func main() {
	level := "restricted"
	if len(os.Args) > 1 {
		level = os.Args[1]
	}
	code, err := run(level)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}
