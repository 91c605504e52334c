/* io/sinks.h - the sinks that write files, see docs/FORMATS.md for what is in them.
 *
 * Folders of a path's parent are made where they are missing. Open fails with GLINT_E_IO where the path
 * cannot be written, naming it and the reason; write and finish fail with GLINT_E_IO (disk full, broken
 * pipe); what was written before stays valid. The path and the strings of ctx outlive the sink. */
#ifndef GLINT_IO_SINKS_H
#define GLINT_IO_SINKS_H
#include "io/sink.h"

struct glint_tensor;

/* A line of JSON per frame; "-" is standard output. A line is handed over whole as soon as its frame is
 * written; where only part of one fits on the disk, that part is taken back. latency_us is its last member:
 * what is before is the same for the same input. */
int glint_sink_jsonl_open(const char *path, const struct glint_sink_context *ctx,
                          struct glint_sink **sink_out);

/* The same behind the lines that are in the file already. A part of a line at its end (of a program that was
 * killed) is taken away first. A named pipe that nobody reads is GLINT_E_IO at once, and
 * write says GLINT_E_AGAIN instead of waiting where a line has no room in it. */
int glint_sink_jsonl_append(const char *path, const struct glint_sink_context *ctx,
                            struct glint_sink **sink_out);

/* Point masks as SemanticKITTI's .label, one file per frame (%06d in the path). GLINT_E_UNSUPPORTED where the
 * model gives no point classes. */
int glint_sink_label_open(const char *path, const struct glint_sink_context *ctx,
                          struct glint_sink **sink_out);

/* Point masks as nuScenes has them, one file per frame: lidarseg (a byte per point), panoptic (numpy's .npz
 * of class * 1000 + instance). GLINT_E_UNSUPPORTED as above. */
int glint_sink_lidarseg_open(const char *path, const struct glint_sink_context *ctx,
                             struct glint_sink **sink_out);
int glint_sink_panoptic_open(const char *path, const struct glint_sink_context *ctx,
                             struct glint_sink **sink_out);

/* The points of each frame, one file per frame: .pcd, .bin or .csv by the ending. */
int glint_sink_cloud_open(const char *path, const struct glint_sink_context *ctx,
                          struct glint_sink **sink_out);

/* One of the above by the path's ending ("-", devices and pipes: lines of JSON). GLINT_E_UNSUPPORTED for
 * .mcap, GLINT_E_ARG for endings of no sink in this room (pictures are made elsewhere). */
int glint_sink_open_by_ending(const char *path, const struct glint_sink_context *ctx,
                              struct glint_sink **sink_out);

/* Every tensor of a model's run as folder/frame_000000.safetensors under the golden files' names. Give
 * glint_sink_dump_tap with the sink as its ctx to glint_model_set_tap(); then write() the frame in the thread
 * that ran the model, before the next run: what the tap saw since the last write() is that frame. Frames of
 * one batch go into one file, named by the first of them, when the last one is written. Takes memory as
 * needed. */
int glint_sink_dump_open(const char *folder, const struct glint_sink_context *ctx,
                         struct glint_sink **sink_out);
void glint_sink_dump_tap(void *sink, const struct glint_tensor *tensor);
#endif
