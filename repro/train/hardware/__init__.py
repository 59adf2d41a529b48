"""What a training does about the card or processor that it runs on."""
