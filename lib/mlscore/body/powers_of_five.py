#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write powers_of_five.c: the first 128 bits of 5^q for every q that numbers
of type double need. Run it only when the range changes:

    python3 powers_of_five.py > powers_of_five.c

Bits after the 128th are cut off for q >= 0; for q < 0, where they never end,
the last bit is rounded up. That is what the proof of the reading algorithm
asks for; the writing algorithm wants it rounded up for q > 55 as well and
adds the one itself.
"""

FIRST, LAST = -342, 324

print("/* SPDX-License-Identifier: Apache-2.0 */")
print("/* Made by powers_of_five.py; do not edit. The first 128 bits of 5^q,")
print(" * high half first. */")
print()
print('#include "body/powers_of_five.h"')
print()
print("const uint64_t mlscore_powers_of_five[][2] = {")
for q in range(FIRST, LAST + 1):
    if q >= 0:
        power = 5 ** q
        bits = power.bit_length()
        word = power << 128 - bits if bits <= 128 else power >> bits - 128
    else:
        power = 5 ** -q
        word = (1 << power.bit_length() + 127) // power + 1
    assert word.bit_length() == 128
    high, low = word >> 64, word & (1 << 64) - 1
    print(f"    {{0x{high:016x}, 0x{low:016x}}}, /* {q} */")
print("};")
