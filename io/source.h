/* io/source.h - where input comes from: a recorded file, a folder of them, later a network interface.
 * A source gives either packets (a capture: decoder and framer make frames of them) or frames. */
#ifndef GLINT_IO_SOURCE_H
#define GLINT_IO_SOURCE_H
#include "core/status.h"
#include "glint/frame.h"
#include <stdbool.h>
#include <stddef.h>

/* A UDP payload. data is valid until the source's next call. */
struct glint_packet {
    const uint8_t *data;
    uint32_t size;
    int64_t stamp_ns;        /* UTC of the record, or of its arrival (live) */
    int64_t arrival_ns;      /* monotonic, when it came to this machine; 0: when it was read */
    uint64_t record;         /* 0-based record of the capture that completed it */
    int32_t input;           /* 0-based, of a source of several captures; else 0 */
    uint32_t src_ip, dst_ip; /* host order */
    uint16_t src_port, dst_port;
    uint32_t other_before;      /* records without UDP since the packet before: foreign */
    uint32_t incomplete_before; /* fragmented datagrams given up since then: malformed */
    uint32_t dropped_before;    /* live: dropped by the kernel or a full ring since then */
};

struct glint_source_settings {
    const char
        *format;       /* NULL: by name and content; "kitti" | "nuscenes" | "argoverse2" | "pcd" | "glint" |
                          "pcap" | "tensors" | "waymo" | "nuscenes-tables" (a dataset's root; NULL finds it too) */
    int32_t n_threads; /* that reading may take where it can be shared (waymo); 0: the cores. Without
                          settings: 1 */
    bool skip_corrupt; /* damaged records (waymo) are counted and told in log lines, and no failure */
    const char *topic; /* recordings of messages (MCAP, db3): which one; NULL: see ros/source_bag.h */
    const struct glint_nuscenes_stack *nuscenes; /* io/source_nuscenes.h; NULL: key frames as they are */
};

struct glint_source;
struct glint_source_ops {
    const char *name;
    bool gives_packets;
    /* One of the two. GLINT_OK, GLINT_E_EOF at the end, GLINT_E_AGAIN (live: nothing now), or a failure;
     * after a failure of one file of a folder the next call goes on with the next file. Frames: the frame
     * comes cleared; the source fills points, stamp, names, loss. */
    int (*next_packet)(struct glint_source *source, struct glint_packet *packet_out);
    int (*next_frame)(struct glint_source *source, struct glint_frame *frame);
    /* Most points a frame can have, if known (file sizes), else 0. */
    int32_t (*cap_points)(struct glint_source *source);
    double (*progress)(struct glint_source *source); /* 0..1, or < 0 when unknown */
    /* Once, at the end: adds to the loss what came after the last packet and never became one. May be NULL.
     */
    void (*account)(const struct glint_source *source, struct glint_loss *loss);
    const char *(*input_path)(const struct glint_source *source,
                              int32_t input); /* of a packet's input; NULL: the source's own path */
    void (*close)(struct glint_source *source);
};
struct glint_source { /* first member of each source's own struct */
    const struct glint_source_ops *ops;
    char path[1024];
};

/* A kind of input that another room knows: tried before those of this one. probe looks at path alone. */
struct glint_source_kind {
    const char *name; /* as a format */
    bool (*probe)(const char *path);
    int (*open)(const char *path, const struct glint_source_settings *settings,
                struct glint_source **source_out);
};
/* At the program's start, before anything is opened; at most 4, each once. kind stays the caller's. */
void glint_source_add_kind(const struct glint_source_kind *kind);

/* Opens path by format, name and content. GLINT_E_NOTFOUND, GLINT_E_FORMAT ("empty file", "no known format
 * ..."). */
int glint_source_open(const char *path, const struct glint_source_settings *settings,
                      struct glint_source **source_out);
void glint_source_close(struct glint_source *source);                                  /* NULL is fine */
void glint_source_account(const struct glint_source *source, struct glint_loss *loss); /* see ops */
#endif
