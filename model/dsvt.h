/* model/dsvt.h - what a DSVT's training configuration becomes (convert_dsvt.c); see struct glint_arch. */
#ifndef GLINT_MODEL_DSVT_H
#define GLINT_MODEL_DSVT_H
#include "model/build.h"

bool glint_dsvt_recognise(struct glint_json foreign);
int glint_dsvt_convert(struct glint_json foreign, struct glint_text *text);
#endif
