// Written by testdata/weights.py from torchvision's tables; do not edit.

package zoo

import "github.com/onehot-go/onehot/transform"

// weights is the table of weights.
var weights = []Weights{
	{"alexnet", "v1", "alexnet-owt-7be5be79.pth", 233.087, 256, 224, transform.Bilinear, 56.522},
	{"vgg11", "v1", "vgg11-8a719046.pth", 506.84, 256, 224, transform.Bilinear, 69.02},
	{"vgg11_bn", "v1", "vgg11_bn-6002323d.pth", 506.881, 256, 224, transform.Bilinear, 70.37},
	{"vgg13", "v1", "vgg13-19584684.pth", 507.545, 256, 224, transform.Bilinear, 69.928},
	{"vgg13_bn", "v1", "vgg13_bn-abd245e5.pth", 507.59, 256, 224, transform.Bilinear, 71.586},
	{"vgg16", "v1", "vgg16-397923af.pth", 527.796, 256, 224, transform.Bilinear, 71.592},
	{"vgg16_bn", "v1", "vgg16_bn-6c64b313.pth", 527.866, 256, 224, transform.Bilinear, 73.36},
	{"vgg19", "v1", "vgg19-dcbb9e9d.pth", 548.051, 256, 224, transform.Bilinear, 72.376},
	{"vgg19_bn", "v1", "vgg19_bn-c79401a0.pth", 548.143, 256, 224, transform.Bilinear, 74.218},
	{"resnet18", "v1", "resnet18-f37072fd.pth", 44.661, 256, 224, transform.Bilinear, 69.758},
	{"resnet34", "v1", "resnet34-b627a593.pth", 83.275, 256, 224, transform.Bilinear, 73.314},
	{"resnet50", "v1", "resnet50-0676ba61.pth", 97.781, 256, 224, transform.Bilinear, 76.13},
	{"resnet50", "v2", "resnet50-11ad3fa6.pth", 97.79, 232, 224, transform.Bilinear, 80.858},
	{"resnet101", "v1", "resnet101-63fe2227.pth", 170.511, 256, 224, transform.Bilinear, 77.374},
	{"resnet101", "v2", "resnet101-cd907fc2.pth", 170.53, 232, 224, transform.Bilinear, 81.886},
	{"resnet152", "v1", "resnet152-394f9c45.pth", 230.434, 256, 224, transform.Bilinear, 78.312},
	{"resnet152", "v2", "resnet152-f82ba261.pth", 230.474, 232, 224, transform.Bilinear, 82.284},
	{"mobilenet_v2", "v1", "mobilenet_v2-b0353104.pth", 13.555, 256, 224, transform.Bilinear, 71.878},
	{"mobilenet_v2", "v2", "mobilenet_v2-7ebf99e0.pth", 13.598, 232, 224, transform.Bilinear, 72.154},
	{"mobilenet_v3_small", "v1", "mobilenet_v3_small-047dcff4.pth", 9.829, 256, 224, transform.Bilinear, 67.668},
	{"mobilenet_v3_large", "v1", "mobilenet_v3_large-8738ca79.pth", 21.114, 256, 224, transform.Bilinear, 74.042},
	{"mobilenet_v3_large", "v2", "mobilenet_v3_large-5c1a4163.pth", 21.107, 232, 224, transform.Bilinear, 75.274},
	{"efficientnet_b0", "v1", "efficientnet_b0_rwightman-3dd342df.pth", 20.451, 256, 224, transform.Bicubic, 77.692},
	{"efficientnet_b1", "v1", "efficientnet_b1_rwightman-533bc792.pth", 30.134, 256, 240, transform.Bicubic, 78.642},
	{"efficientnet_b1", "v2", "efficientnet_b1-c27df63c.pth", 30.136, 255, 240, transform.Bilinear, 79.838},
	{"efficientnet_b2", "v1", "efficientnet_b2_rwightman-bcdf34b7.pth", 35.174, 288, 288, transform.Bicubic, 80.608},
	{"efficientnet_b3", "v1", "efficientnet_b3_rwightman-cf984f9c.pth", 47.184, 320, 300, transform.Bicubic, 82.008},
	{"efficientnet_b4", "v1", "efficientnet_b4_rwightman-7eb33cd5.pth", 74.489, 384, 380, transform.Bicubic, 83.384},
}
