/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 as FIPS 180-4 describes it. Models' parts are digested once, when
 * they are published, so plain code is fast enough and saves the library a
 * dependency on a whole cryptographic one. */

#include <stdint.h>
#include <string.h>

#include "base/sha256.h"

enum { BLOCK = 64 };

/* First 32 bits of the fractions of the cube roots of the first 64 primes. */
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static uint32_t load_big(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 |
           b[3];
}

static void store_big(unsigned char *b, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        b[i] = (unsigned char)(value >> (24 - 8 * i));
    }
}

static void add_block(uint32_t state[8], const unsigned char *block)
{
    uint32_t w[64];
    uint32_t v[8];

    for (int i = 0; i < 16; i++) {
        w[i] = load_big(block + 4 * i);
    }
    for (int i = 16; i < 64; i++) {
        const uint32_t a = w[i - 15];
        const uint32_t b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
               (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
    memcpy(v, state, sizeof(v));
    for (int i = 0; i < 64; i++) {
        const uint32_t e = v[4];
        const uint32_t a = v[0];
        const uint32_t first = v[7] +
                               (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
                               ((e & v[5]) ^ (~e & v[6])) + constants[i] + w[i];
        const uint32_t second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
                                ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] += first;
        v[0] = first + second;
    }
    for (int i = 0; i < 8; i++) {
        state[i] += v[i];
    }
}

void mlscore_sha256_hex(char out[MLSCORE_SHA256_HEX + 1], const void *bytes,
                        size_t size)
{
    static const char digits[] = "0123456789abcdef";
    /* First 32 bits of the fractions of the square roots of 8 primes. */
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    unsigned char last[2 * BLOCK] = {0};
    const unsigned char *p = bytes;
    size_t left = size;

    for (; left >= BLOCK; left -= BLOCK, p += BLOCK) {
        add_block(state, p);
    }
    /* The rest, a one bit, zeros, and the length in bits. */
    const size_t padded = left + 9 <= BLOCK ? BLOCK : 2 * BLOCK;
    if (left > 0) {
        memcpy(last, p, left);
    }
    last[left] = 0x80;
    store_big(last + padded - 8, (uint32_t)((uint64_t)size >> 29));
    store_big(last + padded - 4, (uint32_t)((uint64_t)size << 3));
    for (size_t at = 0; at < padded; at += BLOCK) {
        add_block(state, last + at);
    }
    for (size_t i = 0; i < MLSCORE_SHA256_HEX; i++) {
        out[i] = digits[state[i / 8] >> (28 - 4 * (i % 8)) & 15];
    }
    out[MLSCORE_SHA256_HEX] = '\0';
}
