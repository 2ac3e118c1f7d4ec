// Command classify says what is in a picture: classify MODEL PICTURE.
package main

import (
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"log"
	"os"

	"github.com/onehot-go/onehot/model"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: classify MODEL PICTURE")
	}
	file, err := os.Open(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	img, _, err := image.Decode(file)
	if err != nil {
		log.Fatal(err)
	}
	if err := classify(os.Args[1], img); err != nil {
		log.Fatal(err)
	}
}

func classify(file string, img image.Image) error {
	m, err := model.Load(file)
	if err != nil {
		return err
	}
	p, err := model.NewPredictor(m) // many goroutines may share it
	if err != nil {
		return err
	}
	found, err := p.Classify(img, 1)
	if err != nil {
		return err
	}
	fmt.Printf("%s %.2f\n", found[0].Class, found[0].Probability)
	return nil
}
