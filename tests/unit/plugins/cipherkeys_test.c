/* cipherkeys_test.c - what ciphers compute of keys: at odd places, in every order, and what is
 * nearly that. */
#include "../../../plugins/keys/ciphers.h"
#include "check.h"
#include "mkscan.h"
#include <stdlib.h>

/* Of the key whose byte i is 37 i + 11: as Nettle (Serpent, Twofish) and libcrypto (Camellia,
 * ARIA) compute it; the number is the length of the key in bytes. */
static const uint32_t camellia_16[] = {
    0x9fc4e90e, 0x0b30557a, 0xc7ec1136, 0x33587da2, 0x312362b6, 0x9542ab8b, 0x68c5d72c, 0xe2115048,
    0x748719ac, 0x2abd4fe2, 0x089b0598, 0x3ed163f6, 0xb15b7108, 0x55c59891, 0xeb964aa1, 0xa8243462,
    0xb8845412, 0xcc48d8ad, 0x2550aae2, 0x1a3175cb, 0x0fb458fd, 0x9d21c66b, 0x0aaf53f8, 0x8226c166,
    0x2a090d18, 0x6c56dc42, 0xa9fc4e90, 0x60b30557, 0x868c5d72, 0x6e211504, 0xb312362b, 0xc9542ab8,
    0x8226c166, 0x0fb458fd, 0x9d21c66b, 0x0aaf53f8, 0x82cc155e, 0xb1fb044d, 0x8cd61f68, 0xa7f13a43,
    0x2550aae2, 0x1a3175cb, 0xb8845412, 0xcc48d8ad, 0x2abd4fe2, 0x089b0598, 0x3ed163f6, 0x748719ac,
    0x55c59891, 0xeb964aa1, 0xa8243462, 0xb15b7108,
};
static const uint32_t camellia_24[] = {
    0x9fc4e90e, 0x0b30557a, 0xc7ec1136, 0x33587da2, 0x49c21bd8, 0xf043a062, 0x08fec8f2, 0x13083d90,
    0x1caf523f, 0x52e5778a, 0xe350adc0, 0xad1a8875, 0xaaa113f1, 0x5afeb87c, 0x0b6291dc, 0x696d44fb,
    0xa91fd68d, 0xbbc50e57, 0x56e02972, 0x443af1a8, 0x04c20f64, 0x927086f6, 0xbc10e818, 0x023fb23c,
    0x0fb458fd, 0x9d21c66b, 0x0aaf53f8, 0x8226c166, 0x5a5b513e, 0x2aa844fc, 0x16bfae1f, 0xc2d8a477,
    0x2c7ec113, 0xe33587da, 0xa9fc4e90, 0x60b30557, 0x510ebc6a, 0xea47f5a3, 0xaef14395, 0x15b80a5c,
    0x008fec8f, 0x813083d9, 0x249c21bd, 0x2f043a06, 0x8226c166, 0x0fb458fd, 0x9d21c66b, 0x0aaf53f8,
    0xc2d8a477, 0x5a5b513e, 0x2aa844fc, 0x16bfae1f, 0x56e02972, 0x443af1a8, 0xa91fd68d, 0xbbc50e57,
    0x48ee2d7f, 0xa27d85b1, 0x89f8b4b6, 0x5c3e5550, 0x2abd4fe2, 0x089b0598, 0x3ed163f6, 0x748719ac,
    0xd03124e1, 0x64797821, 0x1ec8047f, 0x0dec0984,
};
static const uint32_t camellia_32[] = {
    0x9fc4e90e, 0x0b30557a, 0xc7ec1136, 0x33587da2, 0x2468a7c4, 0xd222cf00, 0x3926aaa5, 0x937cf5cc,
    0x1caf41d4, 0x52e5778a, 0x30c32dc0, 0x66f90b9e, 0xac58d4ae, 0xc3d48acd, 0x5e1146d4, 0xb3a7483b,
    0xa0ea337c, 0xbbc50e57, 0x96e02972, 0x85cf1861, 0x24df3d73, 0x091a29f1, 0x7488b3c0, 0x0e49aaa9,
    0x0fb458fd, 0x9d21c66b, 0x0aaf53f8, 0x8226c166, 0xace9d20e, 0x6b16352b, 0x30f522b3, 0xd78451b5,
    0x2c7ec113, 0xe33587da, 0xa9fc4e90, 0x60b30557, 0x2173c618, 0xe83a8cdf, 0xaef14395, 0x65b80a5c,
    0xc3926aaa, 0x4937cf5c, 0x02468a7c, 0x5d222cf0, 0x8226c166, 0x0fb458fd, 0x9d21c66b, 0x0aaf53f8,
    0xd78451b5, 0xace9d20e, 0x6b16352b, 0x30f522b3, 0x96e02972, 0x85cf1861, 0xa0ea337c, 0xbbc50e57,
    0xa36a61ea, 0xa41daf08, 0x6a5759d3, 0x4566d62c, 0x2abd4fe2, 0x089b0598, 0x3ed163f6, 0x748719ac,
    0x67801234, 0x5552e911, 0x7ae61c93, 0x53e249be,
};
static const uint32_t serpent_16[] = {
    0x9da36e90, 0xb99f2e7e, 0x314e5636, 0x05c8d293, 0x67414b7e, 0x5a592ab7, 0xf1bd885f, 0x18b079b5,
    0xcdde8775, 0x9d1709b3, 0x06e79e7a, 0x49d9e2c9, 0x2021626d, 0x427905ff, 0x205e766d, 0x9388f02d,
    0xc420756d, 0x66ded785, 0xbfa68f6e, 0xbb547ba2, 0xa144d32a, 0x7a2aca34, 0xf37c3ba1, 0x8bb8bf8a,
    0x0521b4d9, 0x162c92cc, 0x535c5d7c, 0x40cf0a16, 0x13635635, 0xe5121476, 0xcbc986d5, 0x49e6bcf0,
    0x5af97a16, 0xe75b15ff, 0x7944deaa, 0x28b0bedc, 0x68ac5bcb, 0x33fe6e26, 0xcac1f44f, 0xace50fbf,
    0xb6dc069f, 0x0be46661, 0xdb0b322b, 0xac5b73d4, 0x899e0016, 0xe6e17b81, 0x7bce92d5, 0x9690f597,
    0xcf54d839, 0x76cd36ff, 0xa2469f8e, 0x96e8af6e, 0x373eb0c7, 0xdaf4d409, 0xb90745b9, 0x6a38a269,
    0xe07ccaac, 0xbb2b4d29, 0xe64e87b1, 0x0ad4822c, 0x3d7d1d58, 0xdc6fb60c, 0x86baa784, 0xa06f77ba,
    0x2dc40563, 0xba0a87b1, 0xf43c24a3, 0x0f3ecd32, 0x23cad8ed, 0xc47c464d, 0xea47025f, 0x3695c5c2,
    0xbda61095, 0xec009e9d, 0x00d8d20d, 0x0b15e49a, 0xe09ad557, 0xa1061ea5, 0x4cea66f9, 0x85389e83,
    0x916524b9, 0xdd187eda, 0xeec9587b, 0x19405312, 0xe9761d4f, 0x2d5c169b, 0x62052afb, 0xe4bf35cf,
    0x696281ef, 0xa6ed1732, 0x1c5c5b52, 0x533655cf, 0xbddf0c95, 0xd860c179, 0x387f8066, 0x23937f79,
    0xe7cd7a23, 0x54a5a555, 0xd2e61c9d, 0x5b5440b6, 0x09e9c098, 0x7a15c7c6, 0x55663297, 0x844acc26,
    0xbeb6f573, 0x4b6af021, 0x194ae8e0, 0xfb6638bd, 0xbc66b4b6, 0x5e0a7380, 0x10e7fd24, 0xfe7c47b4,
    0xdeeafe57, 0x010cb6d1, 0xe255914d, 0x66a8735c, 0xa6a47333, 0x7c34199c, 0x97031a40, 0x04cafe74,
    0xdbc6f0b2, 0x20dc2f22, 0x8178ccad, 0x1496bac1, 0xe80316c2, 0x6314ce8f, 0x5a4e6c88, 0x78def817,
    0xd16610c7, 0x9f357e53, 0x568f5864, 0xf7e20300,
};
static const uint32_t serpent_32[] = {
    0xdb4429d3, 0x58e5be2d, 0xafb21987, 0x203ac818, 0xc03af394, 0xb32f0775, 0xb9931090, 0xc678783a,
    0x849d4bd5, 0x79d361c0, 0x386e6813, 0x91330a58, 0x1670ee32, 0x1a0806d4, 0x21bc7ba8, 0x574200d4,
    0x5c6f08c4, 0xf98743a7, 0x79aa462a, 0x56e62735, 0xfcd1d5ad, 0xe1e17173, 0xb874fefd, 0x686a766b,
    0x1c5a41d1, 0xc6f9f2be, 0x1ead93d4, 0xcdb8dd92, 0xdfd29b5a, 0xab629442, 0x95ff1fcf, 0x8fa7dfe3,
    0x938b6e19, 0xf5122b0b, 0x31fe4610, 0x7b80b0ee, 0xfa97e7b2, 0xfe0e0c7f, 0xdb06447d, 0x7361ddf2,
    0x81e3343e, 0x3c634b08, 0x1a70e454, 0x02a275da, 0x4121dcff, 0x71561d8e, 0x3a4ede40, 0x946daeb2,
    0x0afd9863, 0xb06c2373, 0x43cfffd2, 0xb65f3d57, 0x410e2289, 0x0c0dee66, 0xa66275f8, 0xdeb534d7,
    0x5971a86a, 0xc90703c1, 0x381e2d21, 0x05ec039f, 0x665ab176, 0x19f360a6, 0x5c642521, 0x131e01cf,
    0x3842506c, 0xab2e0234, 0x92d44a10, 0xba8abeb8, 0xa69b44e8, 0x10d768fa, 0x33c38d86, 0x38df7775,
    0xf4133cde, 0x5ee2886a, 0x592aef9d, 0x7f6b7056, 0x195126c9, 0x3109629e, 0xbb2f94af, 0x47992b06,
    0x2fe22d8a, 0x0231ee71, 0xe6d61cb4, 0xc785445e, 0xafb0de85, 0x79aa4215, 0xa4aed400, 0xdeaff4b1,
    0x01f0e3e4, 0x0f8ba7e8, 0x7a9ef0c9, 0xb44534eb, 0xc69e199f, 0x1dc43644, 0x33176baf, 0xdb4fd2f3,
    0x1b7473fb, 0xd55e97dc, 0xda6fa24e, 0xc5e6b428, 0xbaedfd68, 0xfaaf3e5a, 0x43332e09, 0x5c42616a,
    0x9f6859a2, 0xf2fb9f28, 0x075e3227, 0x1fd01ea0, 0x482a06ba, 0x25cd7e7c, 0x89e28960, 0x9376e598,
    0x2f0f0d34, 0xe9456bf8, 0x9462898c, 0xc13c8304, 0x614a6d6b, 0xc0e7f43f, 0x4400e978, 0xced53c66,
    0xef907471, 0x5008b6ef, 0xbb615189, 0xa4f4d847, 0x9efbffe7, 0x86f9042a, 0xa0375a69, 0x47dfd88f,
    0xa20d083e, 0x7149759d, 0x777b83b2, 0xcdc72989,
};
static const uint32_t twofish_16[] = {
    0x757ed61c, 0xa8758d4c, 0x75d006d9, 0x3f4b93c8, 0x5a20a009, 0xddd608d3, 0xef90c009, 0xc2a292a9,
    0x12e03d24, 0xe3029815, 0xbad38201, 0xa4614294, 0x14c23356, 0x50989519, 0x5a8c58df, 0xb480b18f,
    0x9b79f936, 0x9a692c69, 0x1db9024c, 0xdcea405c, 0x990273ce, 0x522e06df, 0xb96df681, 0x5b71d5d5,
    0x2d7655d9, 0xfd999772, 0xd352f042, 0x793c0c7f, 0xaed301c1, 0xb54434b8, 0x92f0fc4f, 0x348c973c,
    0x63629dbb, 0x241d897a, 0xf7fcafa8, 0xa4e85e28, 0xd7037c87, 0xfd202dd0, 0x311f0414, 0x436b102e,
};
static const uint32_t twofish_24[] = {
    0xbc6f33d4, 0xb5f4ce3f, 0xd4692cf6, 0xfbcbd928, 0x7335fa34, 0x9b7c53dd, 0x5eec8321, 0x0765e901,
    0x1bce9091, 0x9a9be694, 0xf5f87e61, 0x4a791a54, 0x6d2951aa, 0x0d44b053, 0x89010816, 0x13a959a3,
    0x73042042, 0x320594d2, 0x099f85f4, 0x76030a00, 0x649e1e9c, 0x7eb6dcb9, 0xcdd37e26, 0x3c951de8,
    0xb12f66d7, 0xab55f67b, 0xec9d9b00, 0x4c18ca40, 0xaddaf486, 0xdd83e312, 0xb34d6c7e, 0xe829f613,
    0x7fb51e64, 0xade4fe5e, 0xb60a5905, 0x8552fd20, 0x297ae9a2, 0xa1251fb0, 0x934c0dd6, 0x0b4b07ab,
};
static const uint32_t twofish_32[] = {
    0x34460afd, 0x51bb48ed, 0x59c55210, 0x29347767, 0x0c8fde7f, 0xa2076ec4, 0x28f3de5d, 0x5812420a,
    0x49f9586f, 0x63c6bf9d, 0xe544c5de, 0x97e8c817, 0xfb9d4c5d, 0x66173ac9, 0x8be6ffc8, 0x39c01ca7,
    0x52ffe9e9, 0xd15f6a04, 0x657b2db0, 0x0c036589, 0xbd599b28, 0xe4a06070, 0x69500cee, 0xcda8dcf7,
    0x65beec46, 0x9234416c, 0xebd7fc52, 0xc2349655, 0x0cf5649e, 0x418e14cf, 0xd659e754, 0x8c5f7b9a,
    0xbd27ea2c, 0x20c286a8, 0x739f1d8f, 0x2a6baa06, 0x51d1287a, 0x45459ce9, 0x0ae35210, 0x0dd19b23,
};

static const uint32_t aria_16[] = {
    0xcdd73884, 0xb4212ffe, 0x7bdcd0a0, 0x937b5923, 0x7b008471, 0x3f2ec9ea, 0x38a270fd, 0x11308d93,
    0xde0d72a2, 0xebaef3a7, 0x75ad7cef, 0xa20fb2ed, 0x3c12efc5, 0xbba1ef47, 0x1df27c13, 0xa4ac7f54,
    0x8a6c3b0c, 0x40265752, 0x5c5cf5e8, 0x17c95842, 0xc5701033, 0x8272ceed, 0xb4e7afb7, 0x04db2ed0,
    0x8cc80a37, 0x1212d8c1, 0xc027f58a, 0xd4e7d37f, 0x31ec0ccf, 0xa76e164a, 0xbf5a6864, 0xcda8dcec,
    0xa63201ed, 0xd7d12fe9, 0x5ea65647, 0x011c59b2, 0xbbb60eb0, 0x8d2a50d4, 0xb34dac16, 0xcd61678b,
    0x2ae2322b, 0x7b198173, 0x95fc0921, 0xa3617019, 0x785f2117, 0xe9f33e99, 0x41b5b0d7, 0xf8e0ba88,
    0x10f17768, 0x2bcdbb53, 0x130f663f, 0x7014bea1
};
static const uint32_t aria_24[] = {
    0x7c13bd15, 0x3907f2e2, 0xa087bc0e, 0xf7a99322, 0xbc0fdfec, 0x6cf924fc, 0x26964d93, 0x657dc793,
    0xb7502bc1, 0x8ddb5912, 0xd3c1f988, 0xa2045d2a, 0x3b442f36, 0x3fca222a, 0x26fb7576, 0x3a5b9f50,
    0x2a772744, 0x193e853f, 0x8d91405e, 0xdd2f156e, 0xabb2c136, 0x402fa725, 0xad433d50, 0xeb54e4f8,
    0x247a13b6, 0xa2d4831e, 0x17314d56, 0x83d29dad, 0x36bacc3c, 0x2305db27, 0x84536101, 0x535f3ce8,
    0xca9c653f, 0x1dd09e2d, 0xdb37db61, 0xdc0082e9, 0x8cc243c6, 0xa1e8618c, 0xe49531b1, 0xaaa192e8,
    0x18deca8e, 0x76aca74b, 0xcad7f339, 0xf2cb55ad, 0x7f09e1e4, 0x6d98f3f4, 0x7abcb9b2, 0x66175a8c,
    0x64821a05, 0x99742818, 0x3b09a12d, 0x66528a3a, 0xab7599c7, 0xe1994987, 0xf7527fe7, 0xb7717769,
    0x55172404, 0x8dfc0630, 0xe70c4d25, 0x28d68cbf
};
static const uint32_t aria_32[] = {
    0xdfc97598, 0x7de3e5dd, 0xccea9329, 0x47043b30, 0xf48c8268, 0xcf11ce44, 0x684abbcb, 0x35916249,
    0xf25b45de, 0xe5990dda, 0xc15e7604, 0x6c41dd12, 0xcf5d1969, 0x61d67b92, 0x44f3c459, 0x01c71e0d,
    0xab5d1ae8, 0x91eacb7e, 0xfe67868c, 0x2f541fb4, 0x5f182881, 0x53956574, 0x496dc62a, 0x9890fdb5,
    0x8663c191, 0x046f50ab, 0x32a17deb, 0x9fa398b8, 0xc2a3fa63, 0x7d19829f, 0xe65bd02e, 0x68c3bdb5,
    0xe5bbd592, 0xb5c23df7, 0x13ba9f85, 0xcb3fee84, 0xbb9d749f, 0xa31f0e0c, 0xe70caecf, 0x63e5bbdf,
    0xc1bf0c37, 0xdf56886b, 0xedfc563f, 0xc168b9d1, 0x8b10d7bb, 0x3384aa4c, 0x18b4089d, 0x5d8bdbd1,
    0x387fabb1, 0x25eaeaae, 0x9b432e46, 0x446799aa, 0xc85b6162, 0x94b66b08, 0x625fc92f, 0x1d7401f1,
    0x2f39d844, 0xf271e1ac, 0xe36a8e46, 0x0aba70db, 0x0299ac88, 0x72d516bb, 0xba240aa9, 0x0beb6c4d,
    0x82f36185, 0x737f4bee, 0x0952fc17, 0xf9a4298e
};

/* The same as the kernel has it (camellia_setup_tail). */
static const uint32_t camellia_kernel_16[] = {
    0x9e72fef1, 0xaee78bb8, 0x00000000, 0x00000000, 0xd1492dea, 0xaf29c61a, 0xbfffe469, 0x45a47b1a,
    0xdcc033be, 0x605ed2b4, 0x7f78d773, 0xc5dc68a4, 0x96f55794, 0xe30d4f39, 0xcfd45617, 0xaeeeb8fc,
    0xcc48d8ad, 0xb8845412, 0x1a3175cb, 0x2550aae2, 0xe084b505, 0xe579f1df, 0xf1771a29, 0x25bd55e5,
    0xe295c431, 0xa3531d68, 0x0277c946, 0xac85506a, 0xa9e72fef, 0x1aee78bb, 0xdf120551, 0x06206886,
    0x0fb458fd, 0x8226c166, 0x0aaf53f8, 0x9d21c66b, 0x4cb720fb, 0x2bc80c33, 0xabca7186, 0xa79cbfbc,
    0x6bb9e2ee, 0x34524b7a, 0x12aa7053, 0x0fede500, 0xb8cfc101, 0x865537e4, 0xb9c07490, 0x82997b80,
    0x9f11530d, 0x6b14fb67, 0x00000000, 0x00000000,
};
static const uint32_t camellia_kernel_24[] = {
    0xfb73f518, 0xd606f2d6, 0x00000000, 0x00000000, 0x20504032, 0xcf12d9c4, 0xa2a6d7e8, 0x556d49e7,
    0xbe12b5e5, 0xebae6532, 0x081bcff6, 0xb60e41ce, 0xc477cc8e, 0xe8323c1c, 0xcc4e37ea, 0x8b6300b8,
    0xbbc50e57, 0xa91fd68d, 0x443af1a8, 0x56e02972, 0x6250664b, 0x3727d984, 0x0f51409d, 0x0b765799,
    0x8019735a, 0xb6bfbbe0, 0xb7898297, 0x55ef09c3, 0x40fe6511, 0x1c10fde7, 0x91ef8d37, 0x4d5eeec1,
    0xe33587da, 0x2c7ec113, 0x60b30557, 0xa9fc4e90, 0xc1630e24, 0x3968e52a, 0x6b77767a, 0x518150e5,
    0x3abc305a, 0x8a6d6228, 0x8e84db24, 0x82a92de9, 0x25ab69fe, 0xb9bde7d6, 0x5faea055, 0x74f24844,
    0x5a5b513e, 0xc2d8a477, 0x16bfae1f, 0x2aa844fc, 0x246bdfac, 0x196310d0, 0xe6477419, 0x1e0e040d,
    0xe7fb5b07, 0x20e7623b, 0xaae68029, 0x6253629d, 0x28b94cfc, 0xb729d740, 0x05770c1c, 0x34754b9d,
    0x10fe618d, 0xeee04717, 0x00000000, 0x00000000,
};
static const uint32_t camellia_kernel_32[] = {
    0xd9129a7a, 0xbbac4eca, 0x00000000, 0x00000000, 0xa024886e, 0xfecabb93, 0x80c7b88a, 0x38c7e610,
    0xf585fe52, 0x09e58765, 0x9131fd47, 0xb0f7957a, 0xd55e43a5, 0x6ed26b14, 0xcedbaf3f, 0x9a8de179,
    0xbbc50e57, 0xa0ea337c, 0x85cf1861, 0x96e02972, 0xf5ffa416, 0x2995e557, 0x943bef9a, 0x2b6b658e,
    0x8c6f6bcf, 0x7e27e038, 0xf637f340, 0xa35d8af3, 0x55a290d3, 0x3a5a714b, 0x822dbffc, 0x4ff911b3,
    0xe33587da, 0x2c7ec113, 0x60b30557, 0xa9fc4e90, 0xa23d7bca, 0x1f06630a, 0xa10d4383, 0xe2e1acb2,
    0x389a26ac, 0xacb7c9e9, 0x468397a1, 0x41b4abcc, 0x578d7f08, 0x9f674c17, 0x8a1b68de, 0x1d94c811,
    0xace9d20e, 0xd78451b5, 0x30f522b3, 0x6b16352b, 0x254b9fef, 0x1cc3f477, 0x21d2b769, 0x358a4898,
    0xfea3d87b, 0xcabd6aaf, 0xac86aa90, 0x89d72e08, 0x31e1cf80, 0x54863a25, 0x5b794c26, 0x505b5371,
    0x21d5f0bd, 0x595171c2, 0x00000000, 0x00000000,
};

/* GB/T 32907-2016, appendix A: of 0123456789abcdeffedcba9876543210. */
static const uint32_t sm4[] = {
    0xf12186f9, 0x41662b61, 0x5a6ab19a, 0x7ba92077, 0x367360f4, 0x776a0c61, 0xb6bb89b3, 0x24763151,
    0xa520307c, 0xb7584dbd, 0xc30753ed, 0x7ee55b57, 0x6988608c, 0x30d895b7, 0x44ba14af, 0x104495a1,
    0xd120b428, 0x73b55fa3, 0xcc874966, 0x92244439, 0xe89e641f, 0x98ca015a, 0xc7159060, 0x99e1fd2e,
    0xb79bd80c, 0x1d2115b0, 0x0e228aeb, 0xf1780c81, 0x428d3654, 0x62293496, 0x01cf72e5, 0x9124a012,
};
static const uint8_t sm4_key[] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                   0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10 };

/* RFC 8439, 2.3.2, with another key: that of the standard is counted, and not made at random. */
static void put_state(uint8_t *p, const uint8_t *key)
{
    static const uint8_t behind[] = { 1, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0 };

    memcpy(p, "expand 32-byte k", 16);
    memcpy(p + 16, key, 32);
    memcpy(p + 48, behind, 16);
}

static void put_words(uint8_t *p, const uint32_t *words, size_t n)
{
    for (size_t i = 0; i < 4 * n; i++)
        p[i] = (uint8_t)(words[i / 4] >> i % 4 * 8);
}

/* The other way of libraries: the words of each subkey swapped. */
static void put_swapped(uint8_t *p, const uint32_t *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put_words(p + 4 * (i ^ 1), words + i, 1);
}

/* Tables as Twofish has them, of some permutation: each word is a column of the matrix times a
 * byte. */
static void put_tables(uint8_t *p)
{
    static const uint8_t columns[4][4] = {
        { 0x01, 0x5b, 0xef, 0xef },
        { 0xef, 0xef, 0x5b, 0x01 },
        { 0x5b, 0xef, 0x01, 0xef },
        { 0x5b, 0x01, 0xef, 0x5b },
    };

    for (unsigned i = 0; i < 4096; i++) {
        unsigned v = (i / 4 * 5 + 77 * (i / 1024)) & 255, sum = 0;

        for (unsigned by = columns[i / 1024][i % 4]; by; by >>= 1) {
            sum ^= by & 1 ? v : 0;
            v = v << 1 ^ (v & 128 ? 0x169 : 0);
        }
        p[i] = (uint8_t)sum;
    }
}

/* ---- where what is ---- */

enum { LEN = 64 << 10 };
static uint8_t bytes[LEN];

struct seen {
    size_t n, at;
    unsigned cipher;
};

static size_t looked; // bytes

static void see(void *context, size_t at, unsigned cipher)
{
    struct seen *seen = context;
    const struct eg_cipher_place place = { bytes + at, at, looked - at };
    struct eg_cipher_key out = { .len = 0 };

    if (!eg_ciphers[cipher]->read(&place, &out)) // it seemed to be one
        return;
    seen->n++;
    seen->at = at;
    seen->cipher = cipher;
}

static struct seen look(size_t len)
{
    struct seen seen = { 0 };

    looked = len;
    eg_ciphers_find(bytes, len, see, &seen);
    return seen;
}

static void surround(unsigned kind)
{
    uint32_t seed = kind;

    for (size_t i = 0; i < LEN; i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = kind == 0 ? 0 : kind == 1 ? 0xff : (uint8_t)(seed >> 24);
    }
}

static uint8_t key[32];

static void make_key(void)
{
    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(37 * i + 11);
}

/* Of each thing: how it is put, how long it is, which key it has. */
static const struct thing {
    const char *name;
    size_t size, begin, key; // begin: where what is found begins
    const uint32_t *words;
    bool swapped;
} things[] = {
    { "ChaCha20", 64, 0, 32, NULL, false },
    { "Serpent", 528, 0, 32, serpent_32, false },
    { "Serpent", 528, 0, 16, serpent_16, false },
    { "SM4", 128, 0, 16, sm4, false },
    { "Twofish", 4256, 0, 16, twofish_16, false },
    { "Twofish", 4256, 0, 24, twofish_24, false },
    { "Twofish", 4256, 160, 32, twofish_32, false },
    { "Camellia", 208, 0, 16, camellia_16, false },
    { "Camellia", 272, 0, 24, camellia_24, false },
    { "Camellia", 272, 0, 32, camellia_32, false },
    { "Camellia", 208, 0, 16, camellia_16, true },
    { "Camellia", 272, 0, 32, camellia_32, true },
    { "ARIA", 208, 0, 16, aria_16, false },
    { "ARIA", 240, 0, 24, aria_24, false },
    { "ARIA", 272, 0, 32, aria_32, false },
    { "Camellia", 208, 0, 16, camellia_kernel_16, false },
    { "Camellia", 272, 0, 24, camellia_kernel_24, false },
    { "Camellia", 272, 0, 32, camellia_kernel_32, false },
    { "Camellia", 208, 0, 16, camellia_kernel_16, true },
    { "Camellia", 272, 0, 32, camellia_kernel_32, true },
};

static void put(const struct thing *t, uint8_t *p)
{
    if (!strcmp(t->name, "ChaCha20")) {
        put_state(p, key);
    } else if (!strcmp(t->name, "Twofish")) { // tables before the subkeys, or behind them
        put_tables(p + t->begin);
        put_words(t->begin ? p : p + 4096, t->words, 40);
    } else if (t->swapped) {
        put_swapped(p, t->words, t->size / 4);
    } else {
        put_words(p, t->words, t->size / 4);
    }
}

static void is_found(const struct thing *t, size_t at, size_t len)
{
    const struct seen seen = look(len);
    const struct eg_cipher_place place = { bytes + at + t->begin, at + t->begin,
                                           len - at - t->begin };
    struct eg_cipher_key out = { .len = 0 };

    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.at, at + t->begin);
    assert_string_equal(eg_ciphers[seen.cipher]->name, t->name);
    assert_true(eg_ciphers[seen.cipher]->read(&place, &out));
    assert_int_equal(out.len, t->key);
    assert_memory_equal(out.key, t->words == sm4 ? sm4_key : key, t->key);
    assert_int_equal(out.proven, strcmp(t->name, "ChaCha20") != 0);
    assert_non_null(out.layout);
}

static void found(void **state)
{
    (void)state;
    make_key();
    for (const struct thing *t = things; t < things + countof(things); t++) {
        const size_t places[] = { 0, 4, 4092, 8188, 12300, 4096 * 5 - 20, LEN - t->size };

        for (size_t i = 0; i < countof(places); i++)
            for (unsigned kind = 0; kind < 3; kind++) {
                surround(kind);
                put(t, bytes + places[i]);
                is_found(t, places[i], LEN);
            }
        surround(0);
        put(t, bytes + 8192);
        is_found(t, 8192, 8192 + t->size);
        assert_int_equal(look(8192 + t->size - 4).n, 0);
    }
}

/* Wherever in a group of words it begins, with nothing around it; and only where it is sought. */
static void found_in_any_group(void **state)
{
    (void)state;
    make_key();
    for (const struct thing *t = things; t < things + countof(things); t++)
        for (size_t i = 0; i < CIPHER_GROUP; i++) {
            const size_t at = 8192 + 4 * i, from = at + t->begin;
            struct seen seen = { 0 };

            surround(0);
            put(t, bytes + at);
            is_found(t, at, LEN);
            eg_ciphers_find_in(bytes, LEN, from, from + 4, see, &seen);
            assert_int_equal(seen.n, 1);
            eg_ciphers_find_in(bytes, LEN, from + 4, LEN, see, &seen);
            assert_int_equal(seen.n, 1);
            eg_ciphers_find_in(bytes, LEN, 0, 4096, see, &seen);
            assert_int_equal(seen.n, 1);
        }
}

/* Of the kernel's subkeys of Camellia: those of FL, and sums of two of the same kind. */
static bool is_checked(const struct thing *t, size_t subkey)
{
    const bool kernel = t->words == camellia_kernel_16 || t->words == camellia_kernel_24 ||
                        t->words == camellia_kernel_32;

    return !kernel || (subkey % 8 >= 3 && subkey % 8 <= 6) ||
           (subkey % 8 < 2 && subkey >= 8 && subkey < t->size / 8 - 2);
}

/* Any bit that is wrong; what begins at no multiple of 4. */
static void not_found(void **state)
{
    (void)state;
    make_key();
    for (unsigned kind = 0; kind < 3; kind++) {
        surround(kind);
        assert_int_equal(look(LEN).n, 0);
    }
    for (const struct thing *t = things; t < things + countof(things); t++) {
        // a state's key and nonce may be anything
        const size_t end = t->words ? t->size : 16, step = t->size > 1000 ? 97 : 3;

        surround(0);
        put(t, bytes + 1026);
        assert_int_equal(look(LEN).n, 0);
        surround(0);
        put(t, bytes + 1024);
        for (size_t i = 0; i < end; i += step) {
            if (!is_checked(t, i / 8))
                continue;
            bytes[1024 + i] ^= (uint8_t)(1u << i % 8);
            assert_int_equal(look(8192).n, 0);
            bytes[1024 + i] ^= (uint8_t)(1u << i % 8);
        }
        assert_int_equal(look(8192).n, 1);
    }
}

/* The constant, with something else than a key and a counter behind it. */
static void no_state(void **state)
{
    static const uint8_t none[32] = { 0 };
    const char *text = "ChaCha20 for this processor, by ";

    (void)state;
    make_key();
    surround(0);
    put_state(bytes, none);
    assert_int_equal(look(LEN).n, 0);
    put_state(bytes, (const uint8_t *)text);
    assert_int_equal(look(LEN).n, 0);
    for (unsigned i = 0; i < 32; i++)
        bytes[16 + i] = key[i % 16];
    assert_int_equal(look(LEN).n, 0);
    put_state(bytes, key);
    assert_int_equal(look(LEN).n, 1);
    bytes[51] = 0xff; // a counter that high was never reached
    assert_int_equal(look(LEN).n, 0);
}

/* Rotated zeros and ones are zeros and ones: no subkeys of Camellia. */
static void no_rotations(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 2; kind++) {
        surround(kind);
        assert_int_equal(look(LEN).n, 0);
        bytes[1024] ^= 0x80;
        assert_int_equal(look(LEN).n, 0);
    }
    for (size_t len = 0; len < 700; len += 3) {
        surround(2);
        assert_int_equal(look(len).n, 0);
    }
}

/* ---- the plugin ---- */

static void plugin(void **state)
{
    enum { SIZE = 4 << 20 };
    const struct eg_given_arg show[] = { { "show", NULL }, { NULL, NULL } },
                              all[] = { { "unaligned", NULL }, { NULL, NULL } };
    uint8_t *ram = calloc(SIZE, 1);

    (void)state;
    assert_non_null(ram);
    make_key();
    put(&things[0], ram + 0x100);
    put(&things[1], ram + 0x1fff00); // over the border of two pieces
    put(&things[6], ram + 0x200400);
    put(&things[3], ram + 0x3000a1); // at no multiple of 4
    put(&things[7], ram + SIZE - 208);
    for (unsigned threads = 1; threads < 3; threads++)
        assert_string_equal(
            mk_scan("cipherkeys", ram, SIZE, NULL, threads, 6),
            "100|ChaCha20|256|state: constant, key, counter, nonce||83b7a8ed859053c8|\n"
            "1fff00|Serpent|256|33 round keys|schedule|83b7a8ed859053c8|\n"
            "2004a0|Twofish|256|subkeys, tables|schedule|83b7a8ed859053c8|\n"
            "3fff30|Camellia|128|26 subkeys|schedule|cd7d620a0588e54d|\n");
    assert_non_null(strstr(mk_scan("cipherkeys", ram, SIZE, all, 2, 6), "3000a1|SM4|128|"));
    assert_non_null(strstr(mk_scan("cipherkeys", ram, SIZE, show, 2, 6), "|0b30557a9fc4e90e"));
    free(ram);
    mk_scan_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found),        cmocka_unit_test(found_in_any_group),
        cmocka_unit_test(not_found),    cmocka_unit_test(no_state),
        cmocka_unit_test(no_rotations), cmocka_unit_test(plugin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
