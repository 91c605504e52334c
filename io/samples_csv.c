/* io/samples_csv.c - see samples_csv.h. */
#include "io/samples_csv.h"
#include "io/capture.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int create(const char *path, const char *head, FILE **file_out)
{
    *file_out = path ? fopen(path, "w") : NULL;
    if (path && !*file_out)
        return glint_fail(GLINT_E_IO, "%s: cannot create: %s", path, strerror(errno));
    if (path)
        fputs(head, *file_out);
    return GLINT_OK;
}

static void put_imu(FILE *f, const struct glint_imu *m)
{
    fprintf(f, "%" PRId64 ",%.6f,%.6f,%.6f,%.7f,%.7f,%.7f\n", m->t_ns, (double)m->accel[0],
            (double)m->accel[1], (double)m->accel[2], (double)m->gyro[0], (double)m->gyro[1],
            (double)m->gyro[2]);
}

/* Sentences are printable; quotes inside would be doubled, and there are none in NMEA. */
static void put_position(FILE *f, const struct glint_position *p)
{
    fprintf(f, "%" PRId64 ",%" PRId64 ",%d,%.9f,%.9f,%.4f,%.3f,%d,\"", p->t_ns, p->utc_ns, p->valid,
            p->latitude_deg, p->longitude_deg, p->speed_m_s, p->track_deg, p->has_pps ? p->pps : -1);
    for (const char *c = p->sentence; *c; c++)
        fprintf(f, *c == '"' ? "\"\"" : "%c", *c);
    fputs("\"\n", f);
}

static int write_all(struct glint_capture *c, struct glint_returns *r, FILE *imu, FILE *positions,
                     struct glint_samples_count *count)
{
    struct glint_loss loss = {0};
    struct glint_packet p;
    int status;
    while ((status = c->source->ops->next_packet(c->source, &p)) == GLINT_OK) {
        glint_decoder_take(c->decoder, &p, r, &loss);
        const struct glint_sensor_samples *s = &c->decoder->samples;
        for (int32_t i = 0; i < s->n_imu && imu; i++)
            put_imu(imu, &s->imu[i]);
        if (s->has_position && positions)
            put_position(positions, &s->position);
        count->imu += (uint64_t)s->n_imu;
        count->positions += s->has_position;
    }
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int finish(FILE *file, const char *path, int status)
{
    bool bad = file && ferror(file) != 0;
    if (file && fclose(file) != 0)
        bad = true;
    return bad && status == GLINT_OK ? glint_fail(GLINT_E_IO, "%s: cannot write", path) : status;
}

int glint_samples_csv(const char *path, const struct glint_decoder_settings *settings, const char *imu_path,
                      const char *positions_path, struct glint_samples_count *count_out)
{
    struct glint_capture c;
    FILE *imu = NULL, *positions = NULL;
    memset(count_out, 0, sizeof *count_out);
    GLINT_TRY(glint_capture_open(path, NULL, settings, &c));
    struct glint_returns *r = malloc(sizeof *r);
    int status = r ? create(imu_path, "stamp_ns,ax,ay,az,wx,wy,wz\n", &imu)
                   : glint_fail(GLINT_E_NOMEM, "no memory for the returns of a packet");
    if (status == GLINT_OK)
        status = create(positions_path,
                        "stamp_ns,utc_ns,fix,latitude_deg,longitude_deg,speed_m_s,track_deg,pps,sentence\n",
                        &positions);
    if (status == GLINT_OK)
        status = write_all(&c, r, imu, positions, count_out);
    status = finish(imu, imu_path, status);
    status = finish(positions, positions_path, status);
    free(r);
    glint_capture_close(&c);
    return status;
}
