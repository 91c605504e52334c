/* viz/font.c - see font.h. Capitals reach from y 4 to g (16), small letters to c (12), descenders to 0. */
#include "viz/font.h"

static const char *const strokes[] = {
    "" /* blank */,
    "0g08 0404",
    "0g0d 3g3d",
    "252f 656f 0c8c 0888",
    "8e6g2g0e0c2a6a8886642406 4g44",
    "048g 0g2g2d0d0g 6787846467",
    "841d1f3g5f5d0806245488",
    "0g0d",
    "3g0d0733",
    "0g3d3703",
    "3d37 0c68 086c",
    "0a6a 3d37",
    "1502",
    "0a6a",
    "0404",
    "036g",
    "2g6g8d876424070d2g 4a4a",
    "1d4g44 1474",
    "0e2g6g8e8b0484",
    "0e2g6g8e8c6a3a 6a8886642406",
    "646g0888",
    "7g1g0a2b6b8986642406",
    "7g3e0a06246486886a2a08",
    "0g8g34",
    "2g6g8e8c6a2a0c0e2g 2a0806246486886a",
    "14568a8e6g2g0e0c2a6a8c",
    "0404 0a0a",
    "1502 1a1a",
    "6d0a67",
    "0c6c 0868",
    "0d6a07",
    "0e2g5g7e7c4a48 4444",
    "6c3c2a284768888d6g2g0d072474 6c68",
    "044g84 1878",
    "040g5g7e7c5a0a 5a88866404",
    "8e6g2g0d07246486",
    "040g5g8d875404",
    "8g0g0484 0a6a",
    "8g0g04 0a6a",
    "8e6g2g0d072464868a5a",
    "040g 848g 0a8a",
    "0g04",
    "6g67442407",
    "040g 8g09 3b84",
    "0g0484",
    "040g488g84",
    "040g848g",
    "2g6g8d876424070d2g",
    "040g6g8e8c6a0a",
    "2g6g8d876424070d2g 5884",
    "040g6g8e8c6a0a 4a84",
    "8e6g2g0e0c2a6a8886642406",
    "0g8g 4g44",
    "0g072464878g",
    "0g448g",
    "0g244b648g",
    "0g84 048g",
    "0g4a8g 4a44",
    "0g8g0484",
    "3g0g0333",
    "0g63",
    "0g3g3303",
    "0c3g6c",
    "0282",
    "0g2d",
    "6c64 6a4c2c0a06244466",
    "0g04 0a2c4c6a66442406",
    "6a4c2c0a06244466",
    "6g64 6a4c2c0a06244466",
    "08686a4c2c0a06244465",
    "5g4g2e24 0c4c",
    "6c62402001 6a4c2c0a06244466",
    "0g04 0a2c4c6a64",
    "0c04 0f0g",
    "2c2200 2f2g",
    "0g04 5c07 2964",
    "0g061424",
    "0c04 0a2c3c4a44 4a6c7c8a84",
    "0c04 0a2c4c6a64",
    "2c4c6a664424060a2c",
    "0c00 0a2c4c6a66442406",
    "6c60 6a4c2c0a06244466",
    "0c04 092c4c",
    "6b4c2c0b0928486765442405",
    "2g263454 0c5c",
    "0c06244466 6c64",
    "0c346c",
    "0c244a648c",
    "0c64 046c",
    "0c34 6c3410",
    "0c6c0464",
    "4g2f2b0a292543",
    "0g02",
    "0g2f2b4a292503",
    "092b496b",
};
_Static_assert(sizeof strokes / sizeof strokes[0] == '~' - ' ' + 1, "one entry per printable character");

const char *glint_font_strokes(char c)
{
    const int index = c >= ' ' && c <= '~' ? c - ' ' : '?' - ' ';
    return strokes[index];
}

int glint_font_unit(char digit)
{
    return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

int glint_font_width(char c)
{
    if (c == ' ')
        return 3;
    if (c >= '0' && c <= '9')
        return 8; /* columns of numbers stay in line */
    int width = 0;
    for (const char *s = glint_font_strokes(c); *s; s += s[0] == ' ' ? 1 : 2)
        if (*s != ' ' && glint_font_unit(*s) > width)
            width = glint_font_unit(*s);
    return width;
}
