/* convert/zip.h - the entries of a zip archive that lies in memory: stored or deflated, zip64 too
 * (PKWARE's APPNOTE 6.3.10). For archives of strangers: everything is bounded and checked when it is opened,
 * entries may not share bytes, and their names are compared and never used as paths. */
#ifndef GLINT_CONVERT_ZIP_H
#define GLINT_CONVERT_ZIP_H
#include <stddef.h>
#include <stdint.h>

#define GLINT_ZIP_ENTRIES_MAX 65536
#define GLINT_ZIP_UNPACK_MAX  ((uint64_t)48 << 20) /* bytes of a deflated entry that is unpacked to memory */

enum glint_zip_method { GLINT_ZIP_STORED = 0, GLINT_ZIP_DEFLATED = 8 };

struct glint_zip_entry {
    const char *name; /* in the archive's bytes, name_size of them; no 0 at the end */
    uint32_t name_size;
    uint32_t crc; /* of the unpacked bytes; 0: not recorded */
    enum glint_zip_method method;
    uint64_t size, packed; /* bytes unpacked, and as they lie in the archive */
    const uint8_t *data;   /* packed bytes, all inside the archive */
};

struct glint_zip {
    const char *path; /* for messages; the caller's */
    int32_t n;
    struct glint_zip_entry *entries; /* in the order of the directory */
};

/* Reads the directory. bytes must outlive the zip. GLINT_E_FORMAT with offset or entry: cut short, encrypted,
 * several volumes, a method that is neither of both, entries that overlap, more than GLINT_ZIP_ENTRIES_MAX of
 * them, and deflated entries that would unpack to more than twenty times the archive (a bomb). */
int glint_zip_open(struct glint_zip *zip, const char *path, const uint8_t *bytes, size_t size);
void glint_zip_close(struct glint_zip *zip);

/* The entry FOLDER/NAME, or NULL. folder_size 0: just NAME. Neither needs a 0 at its end. */
const struct glint_zip_entry *glint_zip_find(const struct glint_zip *zip, const char *folder,
                                             size_t folder_size, const char *name, size_t name_size);

/* The unpacked bytes, checked against the recorded CRC: *out points into the archive for a stored entry
 * (*owned_out NULL), else into a block of malloc that the caller frees. GLINT_E_FORMAT, GLINT_E_NOMEM. */
int glint_zip_unpack(const struct glint_zip *zip, const struct glint_zip_entry *entry, const uint8_t **out,
                     void **owned_out);
#endif
