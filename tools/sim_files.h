/* tools/sim_files.h - what `glint sim` writes of one sensor beside its packets: frames, masks, labels.
 *
 * In the folder:
 *   frames/000000.bin    as `glint decode --out %06d.bin` writes them: f32 x y z intensity ring seconds, in
 * the sensor's frame as measured: no motion taken out masks/000000.label   u32 per point: 1 + class of
 * sim/sim.h; in the upper half the object's track, 0: none labels.jsonl         a line per frame: boxes of
 * the objects with returns, where they are in the middle of the turn, in the sensor's frame of that moment
 * (viz/labels.h; with track, kind, velocity over ground, points) */
#ifndef GLINT_TOOLS_SIM_FILES_H
#define GLINT_TOOLS_SIM_FILES_H
#include "core/file.h"
#include "io/output.h"
#include "sim/measure.h"

#define GLINT_SIM_OBJECTS 4096 /* most around the vehicle */

struct glint_sim_files {
    char folder[800];
    uint64_t n_frames; /* written */
    uint64_t n_points, n_boxes;

    /* private */
    struct glint_file_out labels;
    bool open; /* a frame is begun */
    uint32_t turn;
    int64_t begin_ns, end_ns; /* of its firings, drive time */
    int64_t stamp_ns;
    struct glint_sim_cloud cloud;
    struct glint_buffer line, content;
    struct glint_sim_object *objects;
};

/* cap_points: most of a frame. GLINT_E_IO, GLINT_E_NOMEM. */
int glint_sim_files_open(const char *folder, int32_t cap_points, struct glint_sim_files *files);

/* Takes all columns of the scan's piece; writes the frames that are complete by that. */
int glint_sim_files_take(struct glint_sim_files *files, const struct glint_sim_scan *scan,
                         struct glint_sim *sim);

/* Writes the frame at hand; labels.jsonl gets its name. The files are closed either way. */
int glint_sim_files_finish(struct glint_sim_files *files, const struct glint_sim_scan *scan,
                           struct glint_sim *sim);
void glint_sim_files_fini(struct glint_sim_files *files); /* gives up what is not finished */

/* poses.csv (stamp_ns,x,y,z,qw,qx,qy,qz: world from the sensor's frame, so that --poses takes it out of the
 * points) and imu.csv (accelerations, turn rates and velocities, in the same axes; --poses takes it as
 * twists), every 10 ms from the drive's begin to end_ns. */
int glint_sim_files_motion(const char *folder, struct glint_sim *sim, struct glint_pose vehicle_from_sensor,
                           int64_t epoch_ns, int64_t end_ns);
#endif
