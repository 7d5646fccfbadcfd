"""What runs stages: artifacts, fingerprints, the metadata store, and runners; knows no stage."""
