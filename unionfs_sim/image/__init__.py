"""Reading real images: OCI layouts, ``docker save`` archives, and single layer tars."""
