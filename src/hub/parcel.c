// SPDX-License-Identifier: MIT
// Parcels.
#include "hub/parcel.h"

#include <stdlib.h>

int parcel_new(struct parcel **out, struct parcel_account *account, struct str bytes) {
    size_t size = sizeof(struct parcel) + bytes.len;
    ASSERT(bytes.len <= UINT32_MAX);
    if (size > account->bytes_max - account->bytes) return ERR_LIMIT;
    struct parcel *parcel = malloc(size);
    if (!parcel) return ERR_NOMEM;
    parcel->refs = 1;
    parcel->len = (uint32_t)bytes.len;
    memcpy(parcel->bytes, bytes.ptr, bytes.len);
    account->parcels++;
    account->bytes += size;
    *out = parcel;
    return 0;
}

void parcel_put(struct parcel_account *account, struct parcel *parcel) {
    if (!parcel || --parcel->refs) return;
    account->parcels--;
    account->bytes -= sizeof *parcel + parcel->len;
    free(parcel);
}
