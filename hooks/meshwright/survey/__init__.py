"""Survey what a domain already has, and propose the data products that it could become."""
