/* viz/font.h - a small stroke font of our own: printable ASCII as polylines, so that text is smooth at any
 * size. */
#ifndef GLINT_VIZ_FONT_H
#define GLINT_VIZ_FONT_H

#define GLINT_FONT_CAP     12 /* height of a capital in font units */
#define GLINT_FONT_BASE    4  /* y of the baseline */
#define GLINT_FONT_SPACING 4  /* free units right of a glyph */

/* The strokes of c: pairs of characters x y (x '0'..'8', y '0'..'9','a'..'g', upwards), a blank between
 * polylines;
 * "" for a blank, the glyph of '?' for what is not printable ASCII. A polyline of equal points is a dot. */
const char *glint_font_strokes(char c);

/* Width of c in units, without the spacing. */
int glint_font_width(char c);

/* The number behind a coordinate character, 0..16. */
int glint_font_unit(char digit);
#endif
