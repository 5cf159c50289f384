"""What `log` takes beside JSON: images, tables, histograms, audio, video and HTML, recorded as `wandb` records them."""
